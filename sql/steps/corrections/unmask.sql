drop view if exists temp.usage_events
