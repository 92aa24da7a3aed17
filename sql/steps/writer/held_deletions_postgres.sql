-- Where the catalog holds deleted rows of a table's files, if it ever did: a few deletions make no file of their own.
select name
from postgres_query(
    '__ducklake_metadata_lake', 'select tablename::text as name from pg_tables where schemaname = current_schema()'
) as catalog
join __ducklake_metadata_lake.ducklake_table as tables on catalog.name = 'ducklake_inlined_delete_' || tables.table_id
where tables.table_name = $table and tables.end_snapshot is null
