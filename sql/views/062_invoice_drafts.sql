-- The drafts of each period as they were last made.
create or replace view books.invoice_drafts as
select * exclude (document) from lake.main.invoice_drafts
