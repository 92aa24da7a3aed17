-- The billing periods of these accounts are others now: all that is metered by them begins again.
insert into touched_hours
select resource_id, meter, unnest([min(hour), $closed_until::timestamptz - interval 1 hour])
from (
    select resource_id, meter, date_trunc('hour', "timestamp") as hour
    from usage_events semi join periodic_meters using (meter) semi join moved_zones using (account_id)
    where run >= $known_since and run <= $run and "timestamp" < $closed_until
)
group by resource_id, meter
