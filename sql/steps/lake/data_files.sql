-- Every file that a snapshot of the lake names, by its path below the data folder.
select schemas.path || tables.path || files.path as name
from (
    select table_id, path from __ducklake_metadata_lake.ducklake_data_file where path_is_relative
    union all
    select table_id, path from __ducklake_metadata_lake.ducklake_delete_file where path_is_relative
) as files
join __ducklake_metadata_lake.ducklake_table as tables using (table_id)
join __ducklake_metadata_lake.ducklake_schema as schemas using (schema_id)
order by name
