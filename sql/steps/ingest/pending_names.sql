-- The names of their files as a type, as `resources.raw_files.open_files` makes it of landed ones.
create or replace temp type landed_name as enum (select distinct file from pending)
