-- Tables with a partition that holds two or more small files.
with partitions as (
    select data_file_id, string_agg(partition_value, '/' order by partition_key_index) as partition
    from __ducklake_metadata_lake.ducklake_file_partition_value
    group by data_file_id
),
small as (
    select files.table_id, partitions.partition
    from __ducklake_metadata_lake.ducklake_data_file as files
    left join partitions using (data_file_id)
    where files.end_snapshot is null and files.file_size_bytes < $small_bytes
    group by all
    having count(*) > 1
)
select distinct tables.table_name
from small
join __ducklake_metadata_lake.ducklake_table as tables using (table_id)
where tables.end_snapshot is null
order by all
