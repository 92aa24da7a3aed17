-- Accounts whose true-ups some runs charged.
select distinct account_id from charges where run > $since and run <= $run and kind in ('minimum', 'commitment')
