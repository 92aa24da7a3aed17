-- What stands as expired, by lot.
select account_id, lot, slice_start, sum(amount) as amount
from ledger_entries semi join touched using (account_id)
where run <= $run and kind = 'expiry' and account_id <> ''
group by all having sum(amount) <> 0
