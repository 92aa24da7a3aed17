-- The newest sample before the window of each series that has none yet, in [earliest, from).
insert into preceding_samples
with wanted as materialized (from sampled_series anti join preceding_samples using (resource_id, meter, series)),
earlier as (
    select resource_id, meter, "timestamp", quantity, source, event_id,
        to_json(list_transform(
            chosen_meters.series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)))::varchar as series
    from usage_events join chosen_meters using (meter) semi join wanted using (resource_id, meter)
    where run <= $run and "timestamp" >= $earliest and "timestamp" < $from
)
select resource_id, meter, series, max("timestamp"), arg_max(quantity, ("timestamp", source, event_id))
from earlier semi join wanted using (resource_id, meter, series)
group by all
