-- The earliest hour of the records that are newer than a head.
select min(hour) from ingested_hours where run > $head and run <= $run
