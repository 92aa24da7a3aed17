-- Files of which half the rows or more are deleted are written again without those.
call ducklake_rewrite_data_files('lake', $table, delete_threshold => 0.5)
