-- What stands as expired, by lot.
select account_id, lot, slice_start, sum(amount) as amount
from ledger_entries semi join touched using (account_id)
where run <= $run and account_id between $first_account and $last_account
  and kind = 'expiry'
group by all having sum(amount) <> 0
