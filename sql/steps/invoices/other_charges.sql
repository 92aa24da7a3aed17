-- Charges of the periods to draft that are not usage: each is a line of its own (semantics 5). Lines of use say what use costs,
-- held back or not; what is held back and not booked yet is taken off in a line of its own, which closing the period ends.
select account_id, period_start, plan, price_id, version, kind, sum(quantity_delta) as quantity, sum(amount_delta) as exact
from (
    from charges
    union all from held_charges
    union all select * replace ('close' as kind, 0 as quantity_delta, -amount_delta as amount_delta) from held_charges
) as charges
semi join periods_to_draft using (account_id, period_start)
where run <= $snapshot_run and slice_start >= $first and kind <> 'usage'
group by all
having sum(quantity_delta) <> 0 or sum(amount_delta) <> 0
