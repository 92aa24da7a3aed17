-- The charges of some accounts as of a run, as far as the scopes of lots tell them apart.
select account_id, slice_start, plan, price_id, service_id, resource_id, meter, dimensions, kind, sum(amount_delta) as amount,
       0::decimal(38, 18) as counted
from charges semi join touched using (account_id)
where run <= $run
group by all having sum(amount_delta) <> 0
