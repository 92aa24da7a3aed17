-- Discounts and surcharges that are not that percentage of the charge of use or of the fee that they stand beside, half-even
-- at the 18th decimal (semantics 3), in the slices that some runs charged or held back. What the books say is in `percentages_said`. An
-- amount is whole units and 1e-18 of a unit apart, so that the product is exact in integers.
with touched as (
    select account_id, slice_start from charges where run > $since and run <= $run
    union
    select account_id, slice_start from held_charges where run > $since and run <= $run
),
standing as (
    select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, currency,
           period_start, version, kind, sum(amount_delta) as amount
    from (from charges union all from held_charges) as charges semi join touched using (account_id, slice_start)
    where run <= $run
      and (kind in ('discount', 'surcharge') or list_contains($plans, plan) or list_contains($accounts, account_id))
    group by all
    having amount <> 0
),
charged as (
    select *, trunc(abs(amount))::hugeint as whole,
        ((abs(amount) - trunc(abs(amount))) * 1000000000000000000)::hugeint as rest
    from standing where kind in ('usage', 'recurring')
),
contexts as (select distinct account_id, plan, slice_start from charged),
-- What is agreed with the account holds in place of its plan's.
held as (
    select contexts.*, coalesce(agreed.kind, general.kind) as percentage,
        coalesce(agreed.percent_billionths, general.percent_billionths)::hugeint as percent
    from contexts
    left join percentages_said as agreed on agreed.account_id = contexts.account_id
        and contexts.slice_start >= agreed.said_from and contexts.slice_start < agreed.said_to
    left join percentages_said as general on general.plan = contexts.plan
        and contexts.slice_start >= general.said_from and contexts.slice_start < general.said_to
),
worked as (
    select charged.*, percentage,
        if(percentage = 'discount', -1, 1) * sign(amount) as factor,
        -- Even, whatever the amount: it does not decide how a half of the rest is rounded.
        whole * percent * 10000000 + rest * percent // 100000000000 + case
            when rest * percent % 100000000000 > 50000000000 then 1
            when rest * percent % 100000000000 = 50000000000 then rest * percent // 100000000000 % 2
            else 0
        end as atto
    from charged join held using (account_id, plan, slice_start)
    where percentage is not null
),
due as (
    select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, currency,
        period_start, percentage as kind,
        sum(factor * ((atto // 1000000000000000000)::decimal(38, 18)
            + (atto % 1000000000000000000)::decimal(18, 0) * 0.000000000000000001::decimal(18, 18))) as amount_due
    from worked group by all
),
found as (
    select * exclude (version, amount), sum(amount) as amount_charged
    from standing where kind in ('discount', 'surcharge') group by all
)
select * exclude (amount_due, amount_charged), coalesce(amount_due, 0) as amount_due, coalesce(amount_charged, 0) as amount_charged
from due full join found using (
    account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, currency,
    period_start, kind
)
where coalesce(amount_due, 0) <> coalesce(amount_charged, 0)
order by account_id, slice_start
limit 100
