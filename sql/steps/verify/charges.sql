-- The charges of an account as of a run.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, sum(quantity_delta) as quantity, sum(amount_delta) as amount
from charges where run <= $run and account_id = $account group by all
