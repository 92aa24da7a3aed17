-- The end of the last closed hour.
select max(hour) + interval 1 hour from run_hours where run <= $run
