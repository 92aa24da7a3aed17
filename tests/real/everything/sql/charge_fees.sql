-- Recurring fees (semantics 3): a period costs the fee's share of the seconds in which the account had the plan, in the
-- first slice of that time (advance) or in the last of the period (arrears). The quantity is that share.
create or replace table fees_atto as
with placed_fees as (
    select
        account, price_id, fee_atto, period_start, period_end, active_from,
        if(bill = 'advance', active_from, period_end - 1) // 900000000 as quarter_number,
        if(bill = 'advance', active_from + 1, period_end) <= epoch_us($closed_until::timestamptz) as is_due
    from periods join plans using (plan)
)
select
    account, price_id, '' as vm, '' as meter, '{}' as dimensions, quarters.slice_start, placed_fees.period_start,
    half_even(1000000000::hugeint * (placed_fees.period_end - active_from), placed_fees.period_end - placed_fees.period_start)
        as quantity_billionths,
    half_even(fee_atto * (placed_fees.period_end - active_from), placed_fees.period_end - placed_fees.period_start) as amount
from placed_fees join quarters using (account, quarter_number)
where is_due
