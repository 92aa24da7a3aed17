-- The running quantity of every scope of some accounts: the state that the last run left, and no other.
select * exclude (run) from rated_totals
where run <= $run and account_id >= $first and ($before::varchar is null or account_id < $before)
