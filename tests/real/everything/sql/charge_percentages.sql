-- Discounts and surcharges: a percentage of each charge of use and of each fee, half-even at the 18th decimal (semantics 3).
-- What is agreed with the account holds in place of its plan's.
create or replace table percentages_atto as
with charged as (
    select account, price_id, vm, meter, dimensions, slice_start, period_start, amount from charges_atto
    union all by name select * exclude (quantity_billionths) from fees_atto
)
select
    account, charged.price_id, vm, meter, dimensions, slice_start, period_start,
    coalesce(agreed_kind, plan_kind) as kind,
    (if(kind = 'discount', -1, 1) * sign(amount) * half_even(
        abs(amount) * coalesce(agreed_percent_billionths, plan_percent_billionths), 100000000000::hugeint
    ))::hugeint as amount
from charged join accounts using (account) join plans using (plan)
