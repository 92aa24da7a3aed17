-- The running quantity of every scope: the state that the last run left.
select * exclude (run) from rated_totals
where run = (select max(run) from rated_totals where run <= $run)
