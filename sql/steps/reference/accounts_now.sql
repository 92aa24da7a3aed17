-- Each account as its newest row has it.
select * exclude (run) from accounts where run <= $run
qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1
