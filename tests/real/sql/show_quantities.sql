-- Whole billionths become Decimal(38, 9): digits only move behind the point.
create or replace table quantities as
select
    account, vm, meter,
    make_timestamptz(hour_microseconds::bigint) as hour,
    (quantity_billionths // 1000000000)::decimal(38, 9)
    + (quantity_billionths % 1000000000)::decimal(9, 0) * 0.000000001::decimal(9, 9) as quantity
from quantities_billionths
order by vm, meter, hour
