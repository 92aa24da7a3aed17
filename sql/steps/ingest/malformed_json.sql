-- Lines that are no JSON object and no array of objects; empty lines are nothing.
create or replace temp table malformed as
select file, row_number() over (partition by file order by number) as "row", line
from lines
where trim(line) <> '' and (not json_valid(line) or json_type(line) not in ('OBJECT', 'ARRAY'))
