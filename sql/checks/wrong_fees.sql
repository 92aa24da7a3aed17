-- Recurring fees that are not what is due (semantics 3). A stretch is the time within a period in which one subscription
-- held one fee; it costs the fee times its seconds over the period's, half-even at the 18th decimal, and stands in its first
-- slice (advance) or in its last (arrears). Given are the accounts' changes of plan, their months, and what the books say.
with timeline as (
    select *, lead(effective_from) over (
        partition by account_id, service_id order by effective_from, subscription_id
    ) as held_to
    from plans_to_prove
),
pieces as (
    select account_id, service_id, subscription_id, timeline.plan, timeline.currency, price_id, bill, fee_atto,
        period_start, date_diff('second', period_start, period_end)::hugeint as whole,
        greatest(effective_from, said_from, period_start) as piece_start,
        least(coalesce(held_to, period_end), said_to, period_end) as piece_end
    from timeline
    join fees_said on fees_said.plan = timeline.plan and fees_said.currency = timeline.currency
    join months using (time_zone)
    where piece_start < piece_end
),
bordered as (
    select *, lag((piece_end, price_id, bill, fee_atto)) over scope is distinct from
        (piece_start, price_id, bill, fee_atto) as begins
    from pieces
    window scope as (
        partition by account_id, service_id, subscription_id, plan, currency, period_start order by piece_start
    )
),
numbered as (
    select *, sum(begins::integer) over (
        partition by account_id, service_id, subscription_id, plan, currency, period_start order by piece_start
    ) as stretch
    from bordered
),
stretches as (
    select account_id, service_id, subscription_id, plan, currency, price_id, bill, fee_atto, period_start, whole, stretch,
        min(piece_start) as stretch_start, max(piece_end) as stretch_end
    from numbered group by all
),
due as (
    select *,
        date_diff('second', stretch_start, stretch_end)::hugeint as held,
        1000000000 * held // whole + case
            when 2 * (1000000000 * held % whole) > whole then 1
            when 2 * (1000000000 * held % whole) = whole then 1000000000 * held // whole % 2
            else 0
        end as share,
        fee_atto::hugeint * held // whole + case
            when 2 * (fee_atto::hugeint * held % whole) > whole then 1
            when 2 * (fee_atto::hugeint * held % whole) = whole then fee_atto::hugeint * held // whole % 2
            else 0
        end as atto,
        share::decimal(38, 9) * 0.000000001::decimal(9, 9) as quantity_due,
        (atto // 1000000000000000000)::decimal(38, 18)
            + (atto % 1000000000000000000)::decimal(18, 0) * 0.000000000000000001::decimal(18, 18) as amount_due
    from stretches where if(bill = 'advance', stretch_start < $until, stretch_end <= $until)
),
standing as (
    select account_id, service_id, subscription_id, plan, currency, price_id, period_start, slice_start,
        sum(quantity_delta) as quantity, sum(amount_delta) as amount
    from charges semi join accounts_to_prove using (account_id)
    where run <= $run and kind = 'recurring'
    group by all
    having quantity <> 0 or amount <> 0
),
-- Each charge belongs to the stretch in whose slice it stands; what is in no such slice belongs to none.
placed as (
    select standing.*, due.stretch
    from standing left join due on due.account_id = standing.account_id and due.service_id = standing.service_id
        and due.subscription_id = standing.subscription_id and due.plan = standing.plan
        and due.currency = standing.currency and due.price_id = standing.price_id
        and due.period_start = standing.period_start
        and slice_start >= if(bill = 'advance', stretch_start, date_trunc('hour', stretch_end - interval 1 microsecond))
        and if(bill = 'advance', slice_start <= stretch_start, slice_start < stretch_end)
),
found as (
    select account_id, service_id, subscription_id, plan, currency, price_id, period_start, stretch,
        sum(quantity) as quantity_charged, sum(amount) as amount_charged
    from placed group by all
)
select account_id, service_id, subscription_id, plan, currency, price_id, period_start,
    coalesce(quantity_due, 0) as quantity_due, coalesce(quantity_charged, 0) as quantity_charged,
    coalesce(amount_due, 0) as amount_due, coalesce(amount_charged, 0) as amount_charged
from due full join found using (account_id, service_id, subscription_id, plan, currency, price_id, period_start, stretch)
where coalesce(quantity_due, 0) <> coalesce(quantity_charged, 0) or coalesce(amount_due, 0) <> coalesce(amount_charged, 0)
order by account_id, period_start
limit 100
