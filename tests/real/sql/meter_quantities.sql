-- Time-weighted quantities of every closed hour (semantics 2, "time_weighted").
-- A value holds until the next sample of its machine and meter, or for 600 s, whichever is first. What it holds in an
-- hour is value x microseconds, summed in integers; then once per hour: times factor, over time unit, half-even.
create or replace table quantities_billionths as
with held as (
    select
        records.*,
        least(
            coalesce(
                lead(instant_microseconds) over (partition by vm, meter order by instant_microseconds),
                instant_microseconds + 600000000
            ),
            instant_microseconds + 600000000
        ) as end_microseconds
    from records
    where verdict = 'accepted'
),
-- 600 s touch one hour or two: the one in which the value starts, and the next if it lasts into it.
split as (
    select
        held.*,
        (instant_microseconds // 3600000000 + later) * 3600000000 as hour_microseconds
    from held, (values (0), (1)) as hours (later)
    where (instant_microseconds // 3600000000 + later) * 3600000000 < end_microseconds
),
integrals as (
    select
        account, vm, meter, hour_microseconds,
        sum(
            value_billionths * (
                least(end_microseconds, hour_microseconds + 3600000000)
                - greatest(instant_microseconds, hour_microseconds)
            )
        ) as integral_billionths
    from split
    where hour_microseconds < epoch_us($closed_until::timestamptz)
    group by all
),
fractions as (
    select
        account, vm, meter, hour_microseconds,
        integral_billionths * factor_billionths as numerator,
        1000000000 * time_unit_microseconds as denominator
    from integrals join meters using (meter)
)
select
    account, vm, meter, hour_microseconds,
    numerator // denominator + case
        when 2 * (numerator % denominator) > denominator then 1
        when 2 * (numerator % denominator) = denominator then (numerator // denominator) % 2
        else 0
    end as quantity_billionths
from fractions
