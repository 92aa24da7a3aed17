-- No record is a copy of another.
create or replace temp table set_aside as
select '' as source, '' as file, 0::bigint as "row", '' as meter, null::timestamptz as "timestamp", '' as outcome limit 0
