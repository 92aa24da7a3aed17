-- The moment of the first entry of an account; null where it has none.
select min(greatest(posted_hour, slice_start)) from ledger_entries where account_id = $account and run <= $run
