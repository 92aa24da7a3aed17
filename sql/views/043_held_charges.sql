-- What slices cost that is booked when their period is over (`book: close`), differences added up.
create or replace view books.held_charges as
select
    account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version, currency,
    kind, period_start, sum(amount_delta) as amount
from lake.main.held_charges
where run <= (select max(run) from lake.main.step_heads where complete)
group by all
having sum(amount_delta) <> 0
