-- Percentiles that are not billed: their billing period, which slice_start ends, has too few samples.
create or replace view books.short_percentiles as
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(samples)::bigint as samples, max(run) as run
from lake.main.short_percentiles
where run <= (select max(run) from lake.main.step_heads where complete)
group by all
having sum(samples) <> 0
