-- Issued invoices.
create or replace view books.invoices as
select * exclude (document) from lake.main.invoices
where run <= (select max(run) from lake.main.step_heads where complete)
