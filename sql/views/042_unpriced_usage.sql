-- Usage that no price matches: slices without a charge. Never priced zero in silence.
create or replace view books.unpriced_usage as
select usage_hourly.*
from books.usage_hourly
anti join (
    select account_id, service_id, resource_id, meter, dimensions, slice_start
    from lake.main.charges where run <= (select max(run) from lake.main.step_heads where complete)
    group by all having sum(quantity_delta) <> 0 or sum(amount_delta) <> 0
) as charged using (account_id, service_id, resource_id, meter, dimensions, slice_start)
