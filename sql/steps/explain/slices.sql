-- What stands, held back or not, in each slice of a price in a period of an account as of a run, in the order of events (semantics 3).
select
    account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version, currency,
    kind, period_start, sum(quantity_delta) as quantity, sum(amount_delta) as amount,
    sum(held_delta) as held
from (select *, 0::decimal(38, 18) as held_delta from charges union all select *, amount_delta from held_charges)
where run <= $run and account_id = $account and plan = $plan and price_id = $price_id and period_start = $period_start
  and slice_start >= $period_start
group by all
having sum(quantity_delta) <> 0 or sum(amount_delta) <> 0 or sum(held_delta) <> 0
order by slice_start, service_id, resource_id, meter, dimensions, kind
