-- How many of some hours are closed.
select count(distinct hour) from run_hours where run <= $run and hour >= $first and hour < $until
