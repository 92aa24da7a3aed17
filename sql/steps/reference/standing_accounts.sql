-- The newest row of each identity.
select * exclude (run) from accounts where run <= $run
qualify row_number() over (partition by account_id, effective_from order by run desc) = 1
