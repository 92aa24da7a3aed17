-- The newest text that was applied of each file.
select name, arg_max(sha256, applied_at) from schema_migrations group by name
