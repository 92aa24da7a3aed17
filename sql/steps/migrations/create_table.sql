-- Which files of sql/schema and sql/views this lake has.
create table if not exists schema_migrations (name varchar not null, sha256 varchar not null, applied_at timestamptz not null)
