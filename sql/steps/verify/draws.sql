-- The draws of an account as of a run.
select account_id, slice_start, lot, sum(amount) as amount
from ledger_entries where run <= $run and kind = 'usage' and lot <> '' and account_id = $account
group by all having sum(amount) <> 0
