-- The samples that reach into the hours that are metered again, of which `from` is the first.
create or replace temp view samples as
select
    account_id, service_id, usage_events.resource_id, usage_events.meter, dimensions, "timestamp", quantity, source, event_id
from usage_events join gauge_meters using (meter)
semi join touched_hours
    on usage_events.resource_id = touched_hours.resource_id and usage_events.meter = touched_hours.meter
where run <= getvariable('run')
  and "timestamp" >= getvariable('from') - interval 1 day and "timestamp" >= getvariable('from') - max_gap
  and "timestamp" < getvariable('until')
