-- The names of these files as a type: a column of it takes a byte a record, not sixteen.
create or replace temp type landed_name as enum (select distinct file from yielded)
