-- Accounts whose true-ups some runs charged, or for which they held something back.
select account_id from charges where run > $since and run <= $run and kind in ('minimum', 'commitment', 'close')
union
select account_id from held_charges where run > $since and run <= $run
