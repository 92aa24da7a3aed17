-- Sums only grow by what is new: records newer than the step's head, and older ones of the hours that close now. (Two
-- questions, so that files are passed over by run and by time. The hour by a division: date_trunc works in calendars, and
-- takes twenty times as long.) Of many records, one part of the accounts at a time. (A
-- remainder of two types of whole numbers is taken in 128 bits, which takes a hundred times as long.)
select
    usage_events.account_id, service_id, usage_events.resource_id, usage_events.meter, dimensions,
    coalesce(cut_slices.slice_start, usage_events.hour) as slice_start, sum(quantity) as quantity
from (
    select *, make_timestamptz(epoch_us("timestamp") // 3600000000 * 3600000000) as hour
    from (
        from usage_events where run > $head and run <= $run and "timestamp" >= $first and "timestamp" < $until
        union all
        from usage_events
        where run <= least($head, $run) and "timestamp" >= greatest($first, $closed_until) and "timestamp" < $until
    )
) as usage_events
semi join sum_meters using (meter)
left join cut_slices
    on usage_events.account_id = cut_slices.account_id and usage_events.hour = cut_slices.hour
    and "timestamp" >= cut_slices.slice_start and "timestamp" < cut_slices.slice_end
anti join touched_hours
    on usage_events.resource_id = touched_hours.resource_id and usage_events.meter = touched_hours.meter
    and usage_events.hour = touched_hours.hour
where $parts = 1 or hash(usage_events.account_id) % $parts::ubigint = $part::ubigint
group by all
having sum(quantity) <> 0
