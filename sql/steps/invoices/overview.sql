-- The documents of some periods: drafts as they were last made, and what is issued.
select
    account_id as account, number as document, strftime(issued_at, '%Y-%m-%d') as issued, net, tax, due,
    promotional_credit as promotion, paid_credit as "paid before", currency, period
from invoices where list_contains($periods, period)
union all
select
    account_id, if(can_issue, 'draft', 'draft, negative'), null, net, tax, due, promotional_credit, paid_credit, currency,
    period
from invoice_drafts where list_contains($periods, period)
order by period, issued nulls last, document, account
