-- The hour of the earliest record, from the records themselves.
select date_trunc('hour', min("timestamp")) from usage_events where run <= $run
