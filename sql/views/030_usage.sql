-- What each slice holds of each meter: hourly usage, differences added up.
create or replace view books.usage_hourly as
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(quantity) as quantity, max(run) as run
from lake.main.usage_hourly
where run <= (select max(run) from lake.main.step_heads where complete)
group by all
having sum(quantity) <> 0
