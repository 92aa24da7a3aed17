-- Delete files under the data folder that no snapshot knows, by the time they were last written.
call ducklake_delete_orphaned_files('lake', older_than => $cutoff)
