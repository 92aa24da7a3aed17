-- The first hour that closed since a head.
select min(hour) from run_hours where run > $head and run <= $run
