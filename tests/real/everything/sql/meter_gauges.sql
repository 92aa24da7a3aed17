-- Time-weighted: a value holds until the next sample of its machine, meter and series, or for max_gap (semantics 2). What
-- it holds of each quarter of an hour is value x microseconds, summed per slice in integers; then once: times the
-- factor, over the hour. Of two samples at one instant the last by event_id holds.
create or replace table gauged as
with samples as (
    select
        * exclude (dimensions), dimensions,
        coalesce(json_extract_string(dimensions, '$.' || nullif(series, '')), '') as series_value
    from events join meters using (meter)
    where aggregation = 'time_weighted'
    qualify row_number() over (partition by vm, meter, series_value, instant_microseconds order by event_id desc) = 1
),
held as (
    select
        *,
        least(
            coalesce(
                lead(instant_microseconds) over (partition by vm, meter, series_value order by instant_microseconds),
                instant_microseconds + max_gap_microseconds
            ),
            instant_microseconds + max_gap_microseconds,
            epoch_us($closed_until::timestamptz)
        ) as end_microseconds
    from samples
),
split as (
    select
        *,
        unnest(generate_series(
            instant_microseconds // 900000000, ((end_microseconds - 1) // 900000000)::bigint
        )) as quarter_number
    from held
    where end_microseconds > instant_microseconds
),
integrals as (
    select
        account, vm, meter, dimensions, slice_start, any_value(factor_billionths) as factor_billionths,
        sum(
            value_billionths * (
                least(end_microseconds, (quarter_number + 1) * 900000000)
                - greatest(instant_microseconds, quarter_number * 900000000)
            )
        ) as integral_billionths
    from split join quarters using (account, quarter_number)
    group by all
)
select
    account, vm, meter, dimensions, slice_start,
    half_even(integral_billionths * factor_billionths, 3600000000000000000::hugeint) as quantity_billionths
from integrals
