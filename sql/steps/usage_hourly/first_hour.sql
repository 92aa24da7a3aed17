-- The hour of the earliest record: where the books begin.
select min(hour) from ingested_hours where run <= $run
