-- The charges of an account as of a run, and what is held back until its period is over.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, held, sum(quantity_delta) as quantity, sum(amount_delta) as amount
from (select *, '' as held from charges union all select *, 'until its period is over' as held from held_charges)
where run <= $run and account_id = $account group by all
