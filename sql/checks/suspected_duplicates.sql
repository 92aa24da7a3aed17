-- Ids that come back in another hour within 24 hours: accepted, but worth a look (semantics 2).
select source, event_id, "timestamp", before, file
from (
    select source, event_id, "timestamp", file, run,
        lag("timestamp") over (partition by source, event_id order by "timestamp") as before
    from usage_events where run > $since and run <= $run
)
where "timestamp" - before <= interval 24 hours and date_trunc('hour', "timestamp") <> date_trunc('hour', before)
order by source, event_id
limit 100
