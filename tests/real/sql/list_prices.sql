-- The prices of prices.yaml, once more, as plain rows (a test compares the two). Quantities and unit prices become
-- whole billionths, money whole 1e-18 (so billionths x billionths is money without a division).
create or replace table prices as
select
    price_id, meter, accumulate,
    (included::decimal(38, 9) * 1000000000)::hugeint as included_billionths,
    (maximum::decimal(20, 2) * 100)::hugeint * 10000000000000000 as maximum_atto
from (values
    ('cpu',    'cpu',         'account',  '0',  null),
    ('memory', 'memory',      'account',  '0',  null),
    ('disk',   'disk_io',     'resource', '2',  '5.00'),
    ('in',     'network_in',  'account',  '0',  null),
    ('out',    'network_out', 'account',  '10', '60.00')
) as listed (price_id, meter, accumulate, included, maximum)
