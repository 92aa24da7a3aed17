-- The records of JSON lines, by their place in the file: an event, each event of an array of them, or a line that is
-- neither (`bad_line`); empty lines are nothing. JSON's own numbers are binary floats to DuckDB: where a line has one of 16
-- digits or more, `landed_exact` is the event with such numbers as text. The pattern takes strings, short numbers and all
-- else up to the next long number, and a long number is put at the line's end, so that no match begins inside a string.
create or replace temp table landed_lines as
select
    landed_file, landed_event, landed_exact, bad_line,
    row_number() over (partition by landed_file order by number, place) as landed_row
from (
    select
        landed_file, number, bad_line, generate_subscripts(events, 1) as place, unnest(events) as landed_event,
        unnest(exact_events) as landed_exact
    from (
        select
            landed_file, number, if(kind in ('ARRAY', 'OBJECT'), null, line) as bad_line,
            case kind when 'ARRAY' then line::json[] when 'OBJECT' then [line::json] else [null::json] end as events,
            case when exact_line is null then null when kind = 'ARRAY' then exact_line::json[] else [exact_line::json] end
                as exact_events
        from (
            select
                *, case when json_valid(line) then json_type(line) end as kind,
                case when json_valid(line) and regexp_matches(line, '[:,\[]\s*-?[0-9][0-9.]{15}')
                     then regexp_replace(regexp_replace(
                         line || '0000000000000000',
                         '((?:"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]{0,14}[,\]}\s]|[^"0-9-])*)(-?[0-9][0-9.eE+-]{15,})',
                         '\1"\2"', 'g'), '"0000000000000000"$', '') end as exact_line
            from lines
            where trim(line) <> ''
        )
    )
)
