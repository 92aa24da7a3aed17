-- The documents of an account, by the run that booked them.
select run, number, period from invoices where account_id = $account and run <= $run
