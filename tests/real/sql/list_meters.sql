-- The five gauges. The integral of a gauge is value x microseconds; a quantity in billionths of the meter's unit is
-- integral_billionths x factor_billionths / (1e9 x time_unit_microseconds).
create or replace table meters as
select meter, unit, factor_billionths::hugeint as factor_billionths, time_unit_microseconds::hugeint as time_unit_microseconds
from (values
    ('cpu',         'vCPU-hour', 1000000000, 3600000000),
    ('memory',      'GB-hour',         1024, 3600000000),
    ('disk_io',     'GB',              1024,    1000000),
    ('network_in',  'GB',              1024,    1000000),
    ('network_out', 'GB',              1024,    1000000)
) as listed (meter, unit, factor_billionths, time_unit_microseconds)
