-- What counters counted in each slice (semantics 2, counter): a step between two samples of a series belongs to the later
-- one. A fall is a wrap where the meter has a width, else a reset; the first sample of all is a baseline. Of two samples at
-- one instant the last by (source, event_id) holds.
with named as materialized (
    select meter, dimensions,
        to_json(list_transform(series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)))::varchar as series
    from (select distinct meter, dimensions from sliced_records) join chosen_meters using (meter)
),
readings as (
    select sliced_records.* exclude (metered), series, metered as reading
    from sliced_records join named using (meter, dimensions)
    qualify row_number() over (partition by resource_id, meter, series, "timestamp" order by source desc, event_id desc) = 1
    union all by name
    select resource_id, meter, series, "timestamp", reading from preceding_samples
),
steps as (
    select *, lag(reading) over (partition by resource_id, meter, series order by "timestamp") as before from readings
)
select
    account_id, service_id, resource_id, meter, dimensions, hour, slice_start,
    sum(case when before is null then 0
             when reading >= before then reading - before
             when before < width then reading - before + width
             else reading end) as quantity
from steps join (select meter, width from chosen_meters) using (meter)
where hour is not null
group by all
