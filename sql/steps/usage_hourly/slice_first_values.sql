-- How many different values a dimension has first in each slice of a billing period; that dimension does not tell
-- quantities apart. (The texts of dimensions are few: each is taken apart once.)
with taken_apart as materialized (
    select
        meter, dimensions, map_extract_value(dimensions::json::map(varchar, varchar), of) as counted,
        json_merge_patch(dimensions::json, json_object(of, null))::varchar as others
    from (select distinct meter, dimensions from sliced_records) join chosen_meters using (meter)
),
firsts as (
    select account_id, service_id, resource_id, meter, others, period_start, counted, min(slice_start) as slice_start
    from sliced_records join taken_apart using (meter, dimensions)
    left join account_zones using (account_id)
    join billing_months on billing_months.time_zone = coalesce(account_zones.time_zone, 'UTC')
        and slice_start >= period_start and slice_start < period_end
    where counted is not null
    group by all
)
select
    account_id, service_id, resource_id, meter, others as dimensions,
    make_timestamptz(epoch_us(slice_start) // 3600000000 * 3600000000) as hour, slice_start,
    count(*)::decimal(38, 9) as quantity
from firsts
group by all
