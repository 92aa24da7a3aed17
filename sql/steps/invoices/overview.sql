-- The documents of some periods: drafts as they were last made, and what is issued.
select
    period, account_id, number, strftime(issued_at, '%Y-%m-%d') as issued, currency, net, promotional_credit, paid_credit,
    tax, due
from invoices where list_contains($periods, period)
union all
select
    period, account_id, if(can_issue, 'draft', 'draft, negative'), null, currency, net, promotional_credit, paid_credit,
    tax, due
from invoice_drafts where list_contains($periods, period)
order by period, issued nulls last, number, account_id
