-- The samples that reach into the hours that close now.
create or replace temp table samples as
select
    usage_events.account_id, service_id, usage_events.resource_id, usage_events.meter, dimensions, "timestamp", quantity, source, event_id, max_gap,
    case when series <> [] then list_transform(
        series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)) end as series_values
from usage_events join gauge_meters using (meter)
where run <= $run and "timestamp" >= $closed_until::timestamptz - max_gap and "timestamp" < $until
