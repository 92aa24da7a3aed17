-- The end of the latest period that has an issued invoice.
select max(period_end) from invoices where run <= $run
