-- What stands for the hours that are metered again.
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(quantity) as quantity
from usage_hourly
semi join touched_hours
    on usage_hourly.resource_id = touched_hours.resource_id and usage_hourly.meter = touched_hours.meter
    and date_trunc('hour', slice_start) = touched_hours.hour
where run <= $run and slice_start >= $first and slice_start < $closed_until
group by all
