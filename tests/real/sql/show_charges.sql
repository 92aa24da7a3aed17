-- Whole 1e-18 become Decimal(38, 18), whole billionths Decimal(38, 9): digits only move behind the point.
create or replace table charges as
select
    account, price_id, vm,
    make_timestamptz(hour_microseconds::bigint) as slice_start,
    (quantity_billionths // 1000000000)::decimal(38, 9)
    + (quantity_billionths % 1000000000)::decimal(9, 0) * 0.000000001::decimal(9, 9) as quantity,
    (amount_atto // 1000000000000000000)::decimal(38, 18)
    + (amount_atto % 1000000000000000000)::decimal(18, 0) * 0.000000000000000001::decimal(18, 18) as amount
from charges_atto
order by account, slice_start, price_id, vm
