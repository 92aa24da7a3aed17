-- Charges of the periods to draft that are not usage: each is a line of its own (semantics 5).
select account_id, period_start, plan, price_id, version, kind, sum(quantity_delta) as quantity, sum(amount_delta) as exact
from charges semi join periods_to_draft using (account_id, period_start)
where run <= $snapshot_run and slice_start >= $first and kind <> 'usage'
group by all
having sum(quantity_delta) <> 0 or sum(amount_delta) <> 0
