-- The accounts as documents name them.
select * exclude (run) from accounts where run <= $snapshot_run
qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1
