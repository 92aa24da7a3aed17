-- An account as it is now.
select * exclude (run) from accounts where account_id = $account and run <= $run
order by effective_from desc, run desc
limit 1
