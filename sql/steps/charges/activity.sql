-- The first slice in which each resource used a meter that a price pools by, after each boundary of its account's prices.
with active as (
    select usage_hourly.account_id, service_id, resource_id, usage_hourly.meter, slice_start
    from usage_hourly
    semi join pooling on usage_hourly.account_id = pooling.account_id and usage_hourly.meter = pooling.pooled_meter
    where run <= $run and slice_start >= $first and slice_start < $until
    group by usage_hourly.account_id, service_id, resource_id, usage_hourly.meter, dimensions, slice_start
    having sum(quantity) <> 0
)
select active.account_id, service_id, resource_id, meter, min(slice_start) as slice_start
from active
asof join boundaries on active.account_id = boundaries.account_id and active.slice_start >= boundaries.boundary
group by active.account_id, service_id, resource_id, meter, boundary
