-- Sums of the hours that are metered again, from their records.
select
    usage_events.account_id, service_id, usage_events.resource_id, usage_events.meter, dimensions,
    coalesce(cut_slices.slice_start, date_trunc('hour', "timestamp")) as slice_start, sum(quantity) as quantity
from usage_events
semi join sum_meters using (meter)
semi join touched_hours
    on usage_events.resource_id = touched_hours.resource_id and usage_events.meter = touched_hours.meter
    and date_trunc('hour', "timestamp") = touched_hours.hour
left join cut_slices
    on usage_events.account_id = cut_slices.account_id and "timestamp" >= cut_slices.slice_start and "timestamp" < cut_slices.slice_end
where run <= $run and "timestamp" >= $first and "timestamp" < $closed_until
group by all
