-- What each slice of each resource costs, differences added up.
create or replace view books.charges_by_slice as
select
    account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version, currency,
    kind, period_start, sum(quantity_delta) as quantity, sum(amount_delta) as amount, count(*) as charges
from lake.main.charges
where run <= (select max(run) from lake.main.step_heads where complete)
group by all
