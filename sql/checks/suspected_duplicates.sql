-- Ids that come back in another hour within 24 hours: accepted, but worth a look (semantics 2). One of the two is of these
-- runs; the other may have come long before.
select source, event_id, "timestamp", before, file
from (
    select source, event_id, "timestamp", file, run > $since as is_new,
        lag("timestamp") over in_time as before, lag(run > $since) over in_time as before_is_new
    from usage_events where run <= $run and "timestamp" >= $first and "timestamp" <= $last
    window in_time as (partition by source, event_id order by "timestamp")
)
where (is_new or before_is_new)
  and "timestamp" - before <= interval 24 hours and date_trunc('hour', "timestamp") <> date_trunc('hour', before)
order by source, event_id, "timestamp"
limit 100
