-- How many different values a dimension has in each slice; that dimension does not tell quantities apart. (The texts of
-- dimensions are few: each is taken apart once.)
with taken_apart as materialized (
    select
        meter, dimensions, map_extract_value(dimensions::json::map(varchar, varchar), of) as counted,
        json_merge_patch(dimensions::json, json_object(of, null))::varchar as others
    from (select distinct meter, dimensions from sliced_records) join chosen_meters using (meter)
)
select
    account_id, service_id, resource_id, meter, others as dimensions, hour, slice_start,
    count(distinct counted)::decimal(38, 9) as quantity
from sliced_records join taken_apart using (meter, dimensions)
group by all
