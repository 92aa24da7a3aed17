-- One document of some periods to look at: an issued one, else a draft; the largest, for it has the most to see.
select document
from (
    select 1 as issued, net, account_id, document from invoices where list_contains($periods, period)
    union all
    select 0, net, account_id, document from invoice_drafts where list_contains($periods, period)
)
order by issued desc, net desc, account_id
limit 1
