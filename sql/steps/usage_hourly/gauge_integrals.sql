-- Value x time of gauges per slice, in whole microseconds and 1e-9 units (semantics 2, time_weighted). A value holds
-- until the next sample of its series, or for max_gap; of two samples at one instant the last by (source, event_id) holds.
with ordered as (
    select
        account_id, service_id, resource_id, meter, dimensions, quantity, "timestamp",
        least(
            coalesce(lead("timestamp") over series_order, 'infinity'::timestamptz), "timestamp" + max_gap
        ) as held_until
    from samples
    window series_order as (
        partition by resource_id, meter, list_transform(
            series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name))
        order by "timestamp", source, event_id)
),
held as (
    select *, unnest(generate_series(
        date_trunc('hour', "timestamp"), date_trunc('hour', held_until - interval 1 microsecond), interval 1 hour)) as hour
    from ordered
    where held_until > "timestamp"
),
pieces as (
    select
        held.account_id, service_id, resource_id, meter, dimensions, quantity, held.hour,
        coalesce(cut_slices.slice_start, held.hour) as slice_start,
        greatest("timestamp", coalesce(cut_slices.slice_start, held.hour)) as starts,
        least(held_until, coalesce(cut_slices.slice_end, held.hour + interval 1 hour)) as ends
    from held
    left join cut_slices on held.account_id = cut_slices.account_id and held.hour = cut_slices.hour
    where held.hour >= $from and held.hour < $until
)
select
    account_id, service_id, resource_id, meter, dimensions, hour, slice_start,
    sum((quantity * 1000000000)::hugeint * (epoch_us(ends) - epoch_us(starts)))::decimal(38, 0) as value_microseconds
from pieces
where ends > starts
group by all
