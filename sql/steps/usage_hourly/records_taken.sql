-- How many records were taken since a head.
select coalesce(sum(accepted), 0) from ingested_hours where run > $head and run <= $run
