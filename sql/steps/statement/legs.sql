-- The entries of an account that were posted in [start, end).
select account, lot, amount, slice_start, posted_hour, kind, run
from ledger_entries
where account_id = $account and run <= $run and posted_hour < $end and slice_start < $end
  and posted_hour >= $first_hour and greatest(posted_hour, slice_start) >= $start
