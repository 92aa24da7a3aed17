-- Accounts for which some runs held something back, or booked it.
select account_id from charges where run > $since and run <= $run and kind = 'close'
union
select account_id from held_charges where run > $since and run <= $run
