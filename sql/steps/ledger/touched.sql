-- The first slice whose charges are new, by account.
select account_id, min(slice_start) as first_slice from charges where run > $head and run <= $run group by account_id
