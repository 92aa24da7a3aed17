insert into schema_migrations values ($name, $sha256, now())
