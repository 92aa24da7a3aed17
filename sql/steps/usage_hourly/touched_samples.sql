-- The samples that reach into the hours that are metered again.
create or replace temp table samples as
select
    usage_events.account_id, service_id, usage_events.resource_id, usage_events.meter, dimensions, "timestamp", quantity, source, event_id, max_gap,
    case when series <> [] then list_transform(
        series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)) end as series_values
from usage_events join gauge_meters using (meter)
semi join touched_hours
    on usage_events.resource_id = touched_hours.resource_id and usage_events.meter = touched_hours.meter
where run <= $run and "timestamp" < $closed_until
  and "timestamp" >= (select min(hour) from touched_hours) - max_gap
