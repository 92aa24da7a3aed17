-- Series of counters that are new, or begin earlier than was known.
with sampled as (
    select resource_id, meter, min("timestamp") as first_sample,
        to_json(list_transform(
            counters.series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)))::varchar as series
    from usage_events join counters using (meter)
    where run > $head and run <= $run
    group by all
)
select resource_id, meter, series, sampled.first_sample
from sampled anti join counter_series as known
    on known.resource_id = sampled.resource_id and known.meter = sampled.meter and known.series = sampled.series
    and known.first_sample <= sampled.first_sample and known.run <= $run
