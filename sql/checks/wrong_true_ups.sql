-- Minimums and commitments that are not what use after discounts falls short of (semantics 3): the least is the minimum's
-- share of the seconds for which it was said, or the committed quantity's share (half-even at the ninth decimal, together
-- for one unit price) at its unit price. Where a minimum was said in several pieces of a period, each may have been rounded
-- by itself: that many of the last decimal are let pass, less one.
with timeline as (
    select *, lead(effective_from) over (
        partition by account_id, service_id order by effective_from, subscription_id
    ) as held_to
    from plans_to_prove
),
-- What is agreed with the account holds in place of the plan's price of that id.
pieces as (
    select account_id, service_id, subscription_id, timeline.plan, timeline.currency, price_id, meter, minimum_atto,
        committed_billionths, committed_price_billionths, period_start,
        date_diff('second', period_start, period_end)::hugeint as whole,
        greatest(effective_from, said_from, period_start) as piece_start,
        least(coalesce(held_to, period_end), said_to, period_end) as piece_end,
        date_diff('second', piece_start, piece_end)::hugeint as held
    from timeline
    join least_said on least_said.plan = timeline.plan and least_said.currency = timeline.currency
        and agreed_with in ('', account_id)
    join months using (time_zone)
    where piece_start < piece_end and booked_at <= $until
    qualify row_number() over (
        partition by account_id, service_id, subscription_id, timeline.plan, timeline.currency, price_id, piece_start
        order by agreed_with desc
    ) = 1
),
minimums as (
    select account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start,
        sum(minimum_atto::hugeint * held)::hugeint as part, any_value(whole) as of_whole, count(*) as pieces,
        max(piece_end) as last_end, bool_or(committed_billionths > 0) as is_commitment,
        part // of_whole + case
            when 2 * (part % of_whole) > of_whole then 1
            when 2 * (part % of_whole) = of_whole then part // of_whole % 2
            else 0
        end as minimum_due
    from pieces group by all
),
commitments as (
    select account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start,
        sum(price * (part // whole + case
            when 2 * (part % whole) > whole then 1
            when 2 * (part % whole) = whole then part // whole % 2
            else 0
        end))::hugeint as committed_due
    from (
        select account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start, whole,
            committed_price_billionths::hugeint as price, sum(committed_billionths::hugeint * held)::hugeint as part
        from pieces where committed_billionths > 0 group by all
    )
    group by all
),
spent as (
    select account_id, subscription_id, plan, currency, price_id, period_start, sum(amount_delta) as spent
    from (from charges union all from held_charges) as charges
    semi join accounts_to_prove using (account_id) semi join least_said using (plan, price_id)
    where run <= $run and kind not in ('minimum', 'commitment', 'close', 'hourly_commitment')
    group by all
),
due as (
    select minimums.*, if(is_commitment, 'commitment', 'minimum') as kind,
        minimum_due + coalesce(committed_due, 0) as atto,
        greatest((atto // 1000000000000000000)::decimal(38, 18)
            + (atto % 1000000000000000000)::decimal(18, 0) * 0.000000000000000001::decimal(18, 18)
            - coalesce(spent, 0), 0) as amount_due,
        if(part = 0, 0, pieces - 1)::decimal(18, 0) * 0.000000000000000001::decimal(18, 18) as let_pass
    from minimums
    left join commitments using (account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start)
    left join spent using (account_id, subscription_id, plan, currency, price_id, period_start)
),
standing as (
    select account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start, kind, slice_start,
        sum(amount_delta) as amount
    from charges semi join accounts_to_prove using (account_id)
    where run <= $run and kind in ('minimum', 'commitment')
    group by all
    having amount <> 0
),
found as (
    select account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start, kind,
        sum(amount) as amount_charged, min(slice_start) as first_slice, max(slice_start) as last_slice
    from standing group by all
)
select account_id, service_id, subscription_id, plan, currency, price_id, period_start, kind,
    coalesce(amount_due, 0) as amount_due, coalesce(amount_charged, 0) as amount_charged
from due full join found using (
    account_id, service_id, subscription_id, plan, currency, price_id, meter, period_start, kind
)
where abs(coalesce(amount_due, 0) - coalesce(amount_charged, 0)) > coalesce(let_pass, 0)
   -- It stands in the last slice in which its price was in force.
   or first_slice < date_trunc('hour', last_end - interval 1 microsecond) or last_slice >= last_end
order by account_id, period_start
limit 100
