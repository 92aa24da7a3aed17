-- What slices that some runs charged cost of prices of which something may be held back: as charged, and as held back.
with touched as (
    select account_id, slice_start from charges where run > $since and run <= $run
    union
    select account_id, slice_start from held_charges where run > $since and run <= $run
)
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, booked, sum(quantity_delta) as quantity, sum(amount_delta) as amount
from (select *, true as booked from charges union all select *, false as booked from held_charges)
semi join touched using (account_id, slice_start) semi join prices_to_prove using (plan, price_id)
where run <= $run and kind = 'usage'
group by all
having sum(amount_delta) <> 0
