-- Hours that were metered before and must be again: those that a new record reaches (a sample of a gauge reaches more than
-- one), and those that got another boundary. `$closed_until` is the end of what was closed when this run began.
create or replace temp table touched_hours as
select resource_id, meter, hour
from (
    select resource_id, meter, unnest(generate_series(
        date_trunc('hour', "timestamp"), date_trunc('hour', "timestamp" + reach - interval 1 microsecond), interval 1 hour)) as hour
    from usage_events join meters_again using (meter)
    where run > $head and run <= $run and "timestamp" < $closed_until
)
where hour < $closed_until
union
select resource_id, meter, date_trunc('hour', slice_start)
from usage_hourly join recut_hours on usage_hourly.account_id = recut_hours.account_id
    and date_trunc('hour', slice_start) = recut_hours.hour
where run <= $run
union
-- Records may sum to nothing in the whole hour, and to something in its parts.
select resource_id, meter, date_trunc('hour', "timestamp")
from usage_events join recut_hours on usage_events.account_id = recut_hours.account_id
    and date_trunc('hour', "timestamp") = recut_hours.hour
where run <= $run
    and "timestamp" >= (select min(hour) from recut_hours)
    and "timestamp" < (select max(hour) + interval 1 hour from recut_hours)
