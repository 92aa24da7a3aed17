-- What analysts query: `meterbook sql` looks here first. These views show whole runs only: a row of a run that is still
-- under way, or was broken off, is not seen until the books are whole again (design 3).
create schema if not exists books
