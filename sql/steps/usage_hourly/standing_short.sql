-- The percentiles of too few samples that stand in the hours that are metered again.
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(samples)::bigint as samples
from short_percentiles
semi join touched_hours
    on short_percentiles.resource_id = touched_hours.resource_id and short_percentiles.meter = touched_hours.meter
    and date_trunc('hour', slice_start) = touched_hours.hour
where run <= $run and slice_start >= $first and slice_start < $closed_until
group by all
