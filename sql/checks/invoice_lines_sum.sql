-- Issued invoices whose lines do not sum to their net, or whose net and tax do not sum to what is due.
select number, account_id, net, coalesce(lines, 0) as lines, tax, due
from invoices
left join (select number, sum(amount) as lines from invoice_lines group by number) using (number)
where net <> coalesce(lines, 0) or net + tax <> due
order by number
limit 100
