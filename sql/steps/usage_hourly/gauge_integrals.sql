-- Value x time of gauges per slice, in whole microseconds and 1e-9 units (semantics 2, time_weighted). A value holds
-- until the next sample of its series, or for max_gap; of two samples at one instant the last by (source, event_id) holds.
-- (Written for millions of samples: texts become numbers once; times are microseconds and hours, as DuckDB counts
-- intervals and date_trunc in calendars; a list of hours only for the few samples that reach into a next one; the order
-- by event_id only where two samples tie.)
with subjects as materialized (
    select
        account_id, service_id, resource_id, meter, dimensions, max_gap_microseconds, row_number() over () as subject,
        dense_rank() over (order by resource_id, meter, case when series <> [] then list_transform(
            series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)) end) as series
    from (select distinct account_id, service_id, resource_id, meter, dimensions from samples)
    join chosen_meters using (meter)
),
numbered as materialized (
    select subject::integer as subject, series::integer as series, epoch_us("timestamp") as taken, max_gap_microseconds, quantity
    from samples join subjects using (account_id, service_id, resource_id, meter, dimensions)
),
ordered as materialized (
    select
        subject, series, taken, quantity, max_gap_microseconds, lead(taken) over series_order as following,
        lag(taken) over series_order as preceding
    from numbered
    window series_order as (partition by series order by taken)
),
winners as (
    select
        series, epoch_us("timestamp") as taken, arg_max(subject, (source, event_id)) as subject,
        arg_max(quantity, (source, event_id)) as quantity
    from samples join subjects using (account_id, service_id, resource_id, meter, dimensions)
    semi join (select series, taken from ordered where preceding = taken) as tied
        on subjects.series = tied.series and epoch_us("timestamp") = tied.taken
    group by all
),
single as (
    select subject, quantity, taken, following, max_gap_microseconds
    from ordered
    where following is distinct from taken and preceding is distinct from taken
    union all
    select winners.subject, winners.quantity, taken, following, max_gap_microseconds
    from ordered join winners using (series, taken)
    where following is distinct from taken
),
held as (
    select
        subject, quantity, taken, least(following, taken + max_gap_microseconds) as held_until,
        taken // 3600000000 as first_hour, (held_until - 1) // 3600000000 as last_hour
    from single
),
spread as (
    select *, first_hour as hour from held where first_hour = last_hour
    union all
    select *, unnest(range(first_hour, last_hour + 1)) as hour from held where first_hour < last_hour
),
cuts as (
    select subject, epoch_us(hour) // 3600000000 as hour, epoch_us(slice_start) as slice_start, epoch_us(slice_end) as slice_end
    from cut_slices join subjects using (account_id)
),
pieces as (
    select
        subject, quantity, spread.hour, coalesce(cuts.slice_start, spread.hour * 3600000000) as slice_start,
        greatest(taken, coalesce(cuts.slice_start, spread.hour * 3600000000)) as starts,
        least(held_until, coalesce(cuts.slice_end, (spread.hour + 1) * 3600000000)) as ends
    from spread left join cuts using (subject, hour)
    where spread.hour >= epoch_us($from::timestamptz) // 3600000000
      and spread.hour < epoch_us($until::timestamptz) // 3600000000
),
integrals as (
    select subject, hour, slice_start, sum(quantity * (ends - starts)) as integral
    from pieces
    where ends > starts
    group by all
)
select
    account_id, service_id, resource_id, meter, dimensions, make_timestamptz(hour * 3600000000) as hour,
    make_timestamptz(slice_start) as slice_start,
    -- Whole 1e-9 units once a slice: a cast of a decimal is slow.
    (trunc(integral)::hugeint * 1000000000 + ((integral - trunc(integral)) * 1000000000)::hugeint)::decimal(38, 0)
        as value_microseconds
from integrals join subjects using (subject)
