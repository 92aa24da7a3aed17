-- Small files of one partition become one file, of the target size at most.
call ducklake_merge_adjacent_files('lake', $table, max_compacted_files => 1, max_file_size => $small_bytes)
