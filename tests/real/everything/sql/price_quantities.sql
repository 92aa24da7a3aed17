-- What each slice costs: C(after) - C(before), where C(Q) = min(committed + model(Q - included - committed), maximum), in
-- the order of events: (slice, machine, dimensions), since plan, price and meter are one within a scope. That a machine
-- joins a pool is an event without use, before all use of its slice. Then what all machines of an account have come to is
-- capped by `account_maximum` (semantics 3). Nothing is prorated: account, plan and book begin before the period does. The
-- running quantity is first converted to the price's unit; a charge states the metered quantity, in the meter's.
create or replace table charges_atto as
with listed as (
    select *, 0::hugeint as allowance_billionths, true as is_use from priced
    union all by name select
        account, price, price_id, vm, meter, '{}' as dimensions, joined_at as slice_start, period_start, period_end,
        'account' as accumulate, 0::hugeint as quantity_billionths, allowance_billionths, false as is_use
    from pooled
),
running as (
    select
        *,
        sum(quantity_billionths) over so_far as total,
        sum(allowance_billionths) over so_far as pool,
        row_number() over () as event
    from listed
    window so_far as (
        partition by account, price_id, period_start, if(accumulate = 'resource', vm, '')
        order by slice_start, is_use, vm, dimensions
        rows between unbounded preceding and current row
    )
),
-- Each event at its beginning and at its end.
sides as (
    select
        event, side, price, prices.* exclude (price, account, price_id, meter, accumulate),
        half_even(
            if(side = 'after', total, total - quantity_billionths),
            case per_unit when 'month' then (period_end - period_start) // 3600000000 when 'thousand' then 1000 else 1 end
        )::hugeint as converted,
        if(side = 'after', pool, pool - allowance_billionths)::hugeint as pool
    from running join prices using (price), (values ('before'), ('after')) as listed (side)
),
-- What is committed has a price of its own; what is above it is the model's.
used as (
    select
        *,
        least(greatest(converted - included_billionths - pool, 0), committed_billionths) as committed,
        greatest(converted - included_billionths - pool - committed_billionths, 0) as quantity
    from sides
),
tiered as (
    select
        event, side,
        sum(case model
            when 'graduated' then (least(quantity, coalesce(up_to_billionths, quantity)) - above_billionths)
                * tiers.unit_price_billionths + flat_fee_atto
            when 'volume' then if(
                quantity <= coalesce(up_to_billionths, quantity), quantity * tiers.unit_price_billionths + flat_fee_atto, 0
            )
            when 'stairstep' then if(quantity <= coalesce(up_to_billionths, quantity), flat_fee_atto, 0)
        end) as amount
    from used join tiers using (price)
    where quantity > above_billionths
    group by all
),
costed as (
    select
        event, side, quantity, committed, maximum_atto,
        committed * committed_price_billionths + case
            when quantity <= 0 then 0
            when model in ('unit', 'dynamic') then quantity * unit_price_billionths
            when model = 'package' then (quantity + package_size_billionths - 1) // package_size_billionths * package_price_atto
            else tiered.amount
        end as uncapped,
        least(uncapped, coalesce(maximum_atto, uncapped)) as cost
    from used left join tiered using (event, side)
),
differences as (
    select
        event,
        sum(if(side = 'after', cost, -cost)) as amount,
        max(quantity) as modelled,
        max(committed) as committed,
        max(uncapped) > max(cost) as is_capped
    from costed
    group by all
),
capped as (
    select
        running.*, differences.amount, modelled, committed, is_capped, account_maximum_atto,
        sum(differences.amount) over (
            partition by running.account, running.price_id, period_start order by slice_start, is_use, vm, dimensions
            rows between unbounded preceding and current row
        ) as reached
    from running join differences using (event) join prices using (price)
)
select
    account, price, price_id, vm, meter, dimensions, slice_start, period_start, quantity_billionths, is_use,
    modelled, committed, is_capped,
    reached > account_maximum_atto as is_account_capped,
    if(
        account_maximum_atto is null,
        amount,
        least(reached, account_maximum_atto) - least(reached - amount, account_maximum_atto)
    )::hugeint as amount
from capped
