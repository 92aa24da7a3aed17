-- How many positions each run wrote.
select run, count(*) as rows from lot_positions where run <= $run group by run order by run
