-- What each machine's hour costs: C(after) - C(before), where C(Q) = min(model(Q - included), maximum) (semantics 3).
-- One plan, one version of the prices and one period that both cover whole, so nothing is prorated. Within a scope the
-- order of events is (hour, machine): plan, price and meter are one there; a scope by resource has one machine.
create or replace table charges_atto as
with running as (
    select
        account, price_id, vm, hour_microseconds, quantity_billionths, included_billionths, maximum_atto,
        sum(quantity_billionths) over (
            partition by account, price_id, case accumulate when 'resource' then vm else '' end
            order by hour_microseconds, vm
            rows between unbounded preceding and current row
        ) as total_billionths
    from quantities_billionths join prices using (meter)
    where quantity_billionths <> 0
),
after_included as (
    select
        *,
        greatest(total_billionths - quantity_billionths - included_billionths, 0) as before_billionths,
        greatest(total_billionths - included_billionths, 0) as after_billionths
    from running
),
model as (
    select
        account, price_id, vm, hour_microseconds,
        any_value(quantity_billionths) as quantity_billionths,
        any_value(maximum_atto) as maximum_atto,
        sum(case when before_billionths > above_billionths then
            (least(before_billionths, coalesce(up_to_billionths, before_billionths)) - above_billionths)
            * unit_price_billionths + flat_fee_atto
        else 0 end) as before_atto,
        sum(case when after_billionths > above_billionths then
            (least(after_billionths, coalesce(up_to_billionths, after_billionths)) - above_billionths)
            * unit_price_billionths + flat_fee_atto
        else 0 end) as after_atto
    from after_included join tiers using (price_id)
    group by all
)
select
    account, price_id, vm, hour_microseconds, quantity_billionths,
    least(after_atto, coalesce(maximum_atto, after_atto))
    - least(before_atto, coalesce(maximum_atto, before_atto)) as amount_atto
from model
