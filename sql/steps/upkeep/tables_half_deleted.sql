-- Tables with files of which half the rows or more are deleted, while what such files hold fits into one bite. (A cache
-- that was thrown away leaves files without any rows, which are given up at once.)
select tables.table_name
from __ducklake_metadata_lake.ducklake_delete_file as deletions
join __ducklake_metadata_lake.ducklake_data_file as files using (data_file_id)
join __ducklake_metadata_lake.ducklake_table as tables on tables.table_id = files.table_id
where deletions.end_snapshot is null and files.end_snapshot is null and tables.end_snapshot is null
    and deletions.delete_count * 2 >= files.record_count
group by tables.table_name
having sum(files.file_size_bytes) <= $bite_bytes
order by all
