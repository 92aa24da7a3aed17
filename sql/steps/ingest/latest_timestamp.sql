create or replace temp table latest_timestamp as select $latest::timestamptz as latest
