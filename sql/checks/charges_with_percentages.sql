-- What stands, held back or not, in the slices of the accounts that some runs charged, of those accounts and plans that have a percentage.
with touched as (
    select account_id, slice_start from charges where run > $since and run <= $run
    union
    select account_id, slice_start from held_charges where run > $since and run <= $run
)
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, sum(quantity_delta) as quantity, sum(amount_delta) as amount
from (from charges union all from held_charges) as charges
semi join touched using (account_id, slice_start)
where run <= $run
  and (kind in ('discount', 'surcharge') or list_contains($plans, plan) or list_contains($accounts, account_id))
group by all
