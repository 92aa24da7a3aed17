-- What is kept of each account.
select * exclude (run) from account_balances where run <= $run
