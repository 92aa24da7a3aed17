-- What was charged for the touched accounts and meters from `$recent` on; `rating.difference` adds up.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, quantity_delta as quantity, amount_delta as amount
from charges
join touched using (account_id, meter)
where run <= $run and slice_start >= $recent and slice_start >= first_slice
