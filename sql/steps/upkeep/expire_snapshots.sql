-- By number: `older_than` would take the cutoff's whole day as older (DuckLake 1.0 on SQLite).
call ducklake_expire_snapshots('lake', versions => $snapshots)
