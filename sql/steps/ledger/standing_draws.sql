-- What stands as drawn, by account, slice and lot.
select account_id, slice_start, lot, sum(amount) as amount
from ledger_entries join touched using (account_id)
where run <= $run and account_id between $first_account and $last_account
  and kind = 'usage' and lot <> '' and slice_start >= first_slice and slice_start >= $first
group by all having sum(amount) <> 0
