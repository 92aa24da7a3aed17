-- A late sample of a counter changes the step to the following sample of its series as well, however far that is; so does
-- one that was voided. (Samples that were voided before are not there: the one behind them follows.)
insert into touched_hours
with changed as (
    select resource_id, meter, "timestamp", dimensions, run from usage_events semi join counters using (meter)
    where run > $head and run <= $run and "timestamp" < $closed_until
    union all
    select resource_id, meter, "timestamp", dimensions, run from corrected_events semi join counters using (meter)
    where run > $head and run <= $run and "timestamp" < $closed_until
),
samples as (
    from changed
    union all
    select resource_id, meter, "timestamp", dimensions, run from usage_events semi join counters using (meter)
    semi join changed using (resource_id, meter)
    where run <= $head and "timestamp" >= $first and "timestamp" < $closed_until
),
readings as (
    select resource_id, meter, "timestamp", max(run) as newest,
        to_json(list_transform(
            counters.series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)))::varchar as series
    from samples join counters using (meter)
    group by all
),
followed as (select *, lag(newest) over (partition by resource_id, meter, series order by "timestamp") as before from readings)
select distinct resource_id, meter, date_trunc('hour', "timestamp") from followed where before > $head
