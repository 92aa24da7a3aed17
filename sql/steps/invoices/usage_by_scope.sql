-- What each scope used under each price version in the periods to draft; a version that another replaced has nothing left.
select
    account_id, subscription_id, plan, price_id, version, if(accumulate = 'resource', resource_id, '') as resource_id, meter,
    charges.currency, period_start, sum(quantity_delta) as quantity
from (from charges union all from held_charges) as charges
semi join periods_to_draft using (account_id, period_start)
join accumulation using (plan, price_id)
where run <= $snapshot_run and slice_start >= $first and kind = 'usage'
group by all
having sum(quantity_delta) <> 0 or sum(amount_delta) <> 0
