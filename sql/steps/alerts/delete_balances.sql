delete from account_balances where run <= $run
