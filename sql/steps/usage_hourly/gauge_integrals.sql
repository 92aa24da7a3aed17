-- Value x time of gauges per slice, in whole microseconds and 1e-9 units (semantics 2, time_weighted). A value holds
-- until the next sample of its series, or for max_gap; of two samples at one instant the last by (source, event_id) holds.
-- (Written for millions of samples: the hour by a division, as date_trunc works in calendars; a list of hours only for
-- the few samples that reach into a next one; whole 1e-9 units once a slice, as a cast of a decimal is slow.)
with ordered as (
    select
        account_id, service_id, resource_id, meter, dimensions, quantity, "timestamp",
        least(
            coalesce(lead("timestamp") over series_order, 'infinity'::timestamptz), "timestamp" + max_gap
        ) as held_until
    from samples
    window series_order as (partition by resource_id, meter, series_values order by "timestamp", source, event_id)
),
held as (
    select *, make_timestamptz(epoch_us("timestamp") // 3600000000 * 3600000000) as first_hour,
           make_timestamptz(epoch_us(held_until - interval 1 microsecond) // 3600000000 * 3600000000) as last_hour
    from ordered
    where held_until > "timestamp"
),
spread as (
    select *, first_hour as hour from held where first_hour = last_hour
    union all
    select *, unnest(generate_series(first_hour, last_hour, interval 1 hour)) as hour from held where first_hour < last_hour
),
pieces as (
    select
        spread.account_id, service_id, resource_id, meter, dimensions, quantity, spread.hour,
        coalesce(cut_slices.slice_start, spread.hour) as slice_start,
        greatest("timestamp", coalesce(cut_slices.slice_start, spread.hour)) as starts,
        least(held_until, coalesce(cut_slices.slice_end, spread.hour + interval 1 hour)) as ends
    from spread
    left join cut_slices on spread.account_id = cut_slices.account_id and spread.hour = cut_slices.hour
    where spread.hour >= $from and spread.hour < $until
),
integrals as (
    select
        account_id, service_id, resource_id, meter, dimensions, hour, slice_start,
        sum(quantity * (epoch_us(ends) - epoch_us(starts))) as integral
    from pieces
    where ends > starts
    group by all
)
select
    * exclude (integral),
    (trunc(integral)::hugeint * 1000000000 + ((integral - trunc(integral)) * 1000000000)::hugeint)::decimal(38, 0)
        as value_microseconds
from integrals
