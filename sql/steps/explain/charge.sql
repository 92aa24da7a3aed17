-- The slice of a charge by its id.
select
    account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version, currency,
    kind, period_start
from books.charges where charge_id = $charge
