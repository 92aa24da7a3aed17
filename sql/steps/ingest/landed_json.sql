-- The events of JSON lines, those of an array one by one; `row` counts the events of a file.
create or replace temp table landed_events as
select file, event_json, row_number() over (partition by file order by number, place) as "row"
from (
    select
        file, number, generate_subscripts(events, 1) as place, unnest(events) as event_json
    from (
        select
            file, number,
            case json_type(line) when 'ARRAY' then line::json[] when 'OBJECT' then [line::json] else [] end as events
        from lines
        where json_valid(line)
    )
)
