-- A late sample of a counter changes the step to the following sample of its series as well, however far that is.
insert into touched_hours
with readings as (
    select resource_id, meter, "timestamp", max(run) as newest,
        to_json(list_transform(
            counters.series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)))::varchar as series
    from usage_events join counters using (meter)
    semi join (
        select resource_id, meter from usage_events semi join counters using (meter)
        where run > $head and run <= $run and "timestamp" < $closed_until
    ) as late using (resource_id, meter)
    where run <= $run and "timestamp" >= $first and "timestamp" < $closed_until
    group by all
),
followed as (select *, lag(newest) over (partition by resource_id, meter, series order by "timestamp") as before from readings)
select distinct resource_id, meter, date_trunc('hour', "timestamp") from followed where before > $head
