-- The records that new corrections are of, and new records that there was a correction of, as they count from now on. The
-- newest correction of a record holds; of two at once the one that names its time. (Two questions, so that files are passed
-- over by run and by time.)
with standing as (
    from corrections where run <= $run
    qualify row_number() over (partition by source, event_id, "timestamp" order by run desc) = 1
),
matched as (
    select records.* exclude (run), standing.* exclude (source, event_id, "timestamp", quantity),
        standing.quantity as replaced_by, standing."timestamp" is not null as names_time
    from (from usage_events where run <= least($head, $run) and "timestamp" >= $first and "timestamp" <= $last) as records
    join (from standing where run > $head) as standing using (source, event_id)
    where standing."timestamp" is null or standing."timestamp" = records."timestamp"
    union all
    select records.* exclude (run), standing.* exclude (source, event_id, "timestamp", quantity),
        standing.quantity as replaced_by, standing."timestamp" is not null as names_time
    from (from usage_events where run > $head and run <= $run) as records
    join standing using (source, event_id)
    where standing."timestamp" is null or standing."timestamp" = records."timestamp"
)
select
    source, event_id, "timestamp", account_id, service_id, resource_id, meter, coalesce(replaced_by, quantity) as quantity,
    amount, dimensions, file, "row", action, reason, "by"
from matched
qualify row_number() over (partition by source, event_id, "timestamp" order by run desc, names_time desc) = 1
