-- What the records of each slice come to, and what those of the period come to at the slice's end (semantics 2,
-- "Aggregations"). The dimension that is counted does not tell quantities apart. A quantity that is the period's is
-- posted as the difference to what the slice before it had.
create or replace table aggregated as
with counted as (
    select
        account, vm, meter, instant_microseconds, event_id, slice_start, period_start, aggregation, "window",
        rounding_mode, rounding_step_billionths, rounding_per,
        if("of" = '', dimensions, '{"region":"' || json_extract_string(dimensions, '$.region') || '"}') as dimensions,
        if("of" = '', null, json_extract_string(dimensions, '$.' || "of")) as counted_value,
        case value when 'amount' then coalesce(amount_billionths, 0) else greatest(
            rounded(value_billionths, if(rounding_per = 'record', rounding_mode, null), rounding_step_billionths),
            minimum_per_record_billionths
        ) end as value_billionths
    from placed join meters using (meter)
    where aggregation not in ('time_weighted', 'counter', 'percentile')
),
seen as (
    select
        *,
        row_number() over (
            partition by account, vm, meter, dimensions, counted_value, if("window" = 'period', period_start, slice_start)
            order by instant_microseconds, event_id
        ) = 1 as is_first_seen
    from counted
),
slices as (
    select
        account, vm, meter, dimensions, slice_start, period_start, aggregation, "window",
        rounding_mode, rounding_step_billionths, rounding_per,
        sum(value_billionths) as total,
        count(*)::hugeint * 1000000000 as records,
        max(value_billionths) as largest,
        arg_max(value_billionths, (instant_microseconds, event_id)) as last,
        count(*) filter (is_first_seen)::hugeint * 1000000000 as different
    from seen
    group by all
),
-- What the period has come to at the end of the slice.
reached as (
    select
        *,
        case aggregation
            when 'sum' then sum(total) over so_far
            when 'count' then sum(records) over so_far
            when 'max' then max(largest) over so_far
            when 'latest' then last
            when 'unique_count' then sum(different) over so_far
        end as in_period,
        case aggregation
            when 'sum' then total
            when 'count' then records
            when 'max' then largest
            when 'latest' then last
            when 'unique_count' then different
        end as in_slice
    from slices
    window so_far as (
        partition by account, vm, meter, dimensions, period_start order by slice_start
        rows between unbounded preceding and current row
    )
),
rounded_reached as (
    select
        *,
        rounded(in_period, if(rounding_per = 'period', rounding_mode, null), rounding_step_billionths) as level,
        rounded(in_slice, if(rounding_per = 'slice', rounding_mode, null), rounding_step_billionths) as by_itself
    from reached
)
select
    account, vm, meter, dimensions, slice_start,
    if(
        "window" = 'period' or rounding_per = 'period',
        level - coalesce(lag(level) over (partition by account, vm, meter, dimensions, period_start order by slice_start), 0),
        by_itself
    )::hugeint as quantity_billionths
from rounded_reached
