-- Minimums and commitments: what use after discounts falls short of is charged in the last slice of the period, when its
-- grace is over; for a part of a period the minimum and the committed quantity are their share of the seconds (semantics 3).
create or replace table true_ups_atto as
with spent as (
    select account, price_id, period_start, sum(amount)::hugeint as amount
    from (
        select account, price_id, period_start, amount from charges_atto
        union all by name select account, price_id, period_start, amount from percentages_atto
    )
    group by all
),
offered as (
    select
        accounts.account, prices.price_id, prices.meter, minimum_atto, committed_billionths, committed_price_billionths
    from accounts join prices on prices.account in ('', accounts.account)
    qualify row_number() over (partition by accounts.account, price_id order by prices.account desc) = 1
)
select
    periods.account, offered.price_id, '' as vm, meter, '{}' as dimensions, quarters.slice_start, periods.period_start,
    if(committed_billionths > 0, 'commitment', 'minimum') as kind,
    half_even(minimum_atto * (periods.period_end - active_from), periods.period_end - periods.period_start)
        + half_even(committed_billionths * (periods.period_end - active_from), periods.period_end - periods.period_start)
        * committed_price_billionths
        - coalesce(spent.amount, 0) as short_by,
    short_by as amount
from periods
join offered using (account)
join quarters on quarters.account = periods.account and quarter_number = periods.period_end // 900000000 - 1
left join spent
    on spent.account = periods.account and spent.price_id = offered.price_id and spent.period_start = periods.period_start
where (minimum_atto > 0 or committed_billionths > 0) and short_by > 0
    and periods.period_end + $grace_microseconds <= epoch_us($closed_until::timestamptz)
