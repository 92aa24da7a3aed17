-- The running quantity of every scope: the state that the last run left, and no other.
select * exclude (run) from rated_totals where run <= $run
