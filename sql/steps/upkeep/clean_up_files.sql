-- Delete the files that were given up to the end of a day: `older_than` counts the whole day in any case (DuckLake 1.0 on
-- SQLite), so the caller names a day that is wholly past.
call ducklake_cleanup_old_files('lake', older_than => $day::date + interval 1 day - interval 1 microsecond)
