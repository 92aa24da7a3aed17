-- The series that have samples in the window.
create or replace temp table sampled_series as
select distinct resource_id, meter,
    to_json(list_transform(series, name -> map_extract_value(dimensions::json::map(varchar, varchar), name)))::varchar as series
from (select distinct resource_id, meter, dimensions from samples) join chosen_meters using (meter)
