create or replace table charges as
with charged as (
    select account, price_id, vm, meter, dimensions, slice_start, 'usage' as kind, quantity_billionths, amount from charges_atto
    union all by name select account, price_id, vm, meter, dimensions, slice_start, 'recurring' as kind,
        quantity_billionths, amount from fees_atto
    union all by name select account, price_id, vm, meter, dimensions, slice_start, kind, amount from percentages_atto
    union all by name select account, price_id, vm, meter, dimensions, slice_start, kind, amount from true_ups_atto
)
select
    account, price_id, vm, meter, dimensions, make_timestamptz(slice_start) as slice_start, kind,
    decimal_of_billionths(coalesce(quantity_billionths, 0)) as quantity,
    decimal_of_atto(amount) as amount
from charged
