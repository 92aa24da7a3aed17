-- The hour of the earliest record: where the books begin.
select date_trunc('hour', min("timestamp")) from usage_events where run <= $run
