-- What stands as rolled over, by lot.
select account_id, slice_start, lot, sum(amount) as amount
from ledger_entries semi join touched using (account_id)
where run <= $run and account_id between $first_account and $last_account
  and kind = 'rollover' and lot <> '' and slice_start >= $first
group by all having sum(amount) <> 0
