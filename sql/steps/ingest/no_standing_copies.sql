create or replace temp table standing_copies as
select *, null::ubigint as identity_hash from usage_events limit 0
