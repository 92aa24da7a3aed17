-- Rows that the catalog holds become files of their table.
call ducklake_flush_inlined_data('lake', table_name => $table)
