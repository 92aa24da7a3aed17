-- The records that reach into the hours that are metered again, of which `from` is the first.
create or replace temp view samples as
select
    account_id, service_id, usage_events.resource_id, usage_events.meter, dimensions, "timestamp", quantity, amount,
    source, event_id
from usage_events join chosen_meters using (meter)
semi join touched_hours
    on usage_events.resource_id = touched_hours.resource_id and usage_events.meter = touched_hours.meter
where run <= getvariable('run')
  and "timestamp" >= getvariable('earliest') and "timestamp" >= getvariable('from') - reach
  and "timestamp" < getvariable('until')
