-- The newest run whose books are whole.
create or replace view books.complete as
select coalesce(max(run), 0) as run, max(committed_at) as committed_at from lake.main.step_heads where complete
