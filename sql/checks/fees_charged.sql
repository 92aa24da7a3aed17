-- Accounts with a recurring fee that some runs charged.
select distinct account_id from charges where run > $since and run <= $run and kind = 'recurring'
