-- When the records of an id were.
select "timestamp" from usage_events where source = $source and event_id = $event_id order by "timestamp"
