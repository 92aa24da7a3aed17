-- The lines of issued invoices, rounded as printed (`amount`) and before rounding (`exact`).
create or replace view books.invoice_lines as
select * from lake.main.invoice_lines
where run <= (select max(run) from lake.main.step_heads where complete)
