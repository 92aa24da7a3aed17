-- Accounts whose commitments by the hour some runs charged.
select distinct account_id from charges where run > $since and run <= $run and kind = 'hourly_commitment'
