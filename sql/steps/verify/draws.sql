-- What credit paid of an account as of a run, in its slices and at the starts of lots.
select account_id, slice_start, lot, sum(amount) as amount
from ledger_entries where run <= $run and kind in ('usage', 'settlement') and lot <> '' and account_id = $account
group by all having sum(amount) <> 0
