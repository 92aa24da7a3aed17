-- Where the catalog holds rows of our tables that are not in a file yet.
select tables.table_name, inlined.table_name as held_in
from __ducklake_metadata_lake.ducklake_inlined_data_tables as inlined
join __ducklake_metadata_lake.ducklake_table as tables using (table_id)
where tables.end_snapshot is null
order by all
