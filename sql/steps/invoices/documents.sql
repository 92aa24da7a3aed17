-- The stored documents of issued invoices.
select number, document from invoices where $period = '' or period = $period order by number
