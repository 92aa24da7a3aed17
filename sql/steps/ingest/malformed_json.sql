-- Lines that are no JSON object and no array of objects, by their place in the file; empty lines are nothing.
create or replace temp table malformed as
select landed_file as file, number - min(number) over (partition by landed_file) + 1 as "row", line
from lines
qualify trim(line) <> '' and (not json_valid(line) or json_type(line) not in ('OBJECT', 'ARRAY'))
union all
select file, "row", line from unreadable_lines
