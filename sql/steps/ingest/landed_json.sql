-- The events of JSON lines, those of an array one by one; `landed_row` counts the events of a file. JSON's own numbers
-- are binary floats to DuckDB: where a line has one of 16 digits or more, `landed_exact` is the event with such numbers as
-- text. The pattern takes strings, short numbers and all else up to the next long number, and a long number is put at
-- the line's end, so that a match never begins inside a string.
create or replace temp table landed_events as
select landed_file, landed_event, landed_exact, row_number() over (partition by landed_file order by number, place) as landed_row
from (
    select
        landed_file, number, generate_subscripts(events, 1) as place, unnest(events) as landed_event,
        unnest(exact_events) as landed_exact
    from (
        select
            landed_file, number,
            case json_type(line) when 'ARRAY' then line::json[] when 'OBJECT' then [line::json] else [] end as events,
            case json_type(exact_line) when 'ARRAY' then exact_line::json[] when 'OBJECT' then [exact_line::json]
                 else [] end as exact_events
        from (
            select
                *,
                case when regexp_matches(line, '[:,\[]\s*-?[0-9][0-9.]{15}') then regexp_replace(regexp_replace(
                         line || '0000000000000000',
                         '((?:"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]{0,14}[,\]}\s]|[^"0-9-])*)(-?[0-9][0-9.eE+-]{15,})',
                         '\1"\2"', 'g'), '"0000000000000000"$', '') end as exact_line
            from lines
            where json_valid(line)
        )
    )
)
