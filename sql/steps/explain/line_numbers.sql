-- How many lines an issued invoice has; none where there is no such invoice.
select count(invoice_lines.line) from invoices left join invoice_lines using (number) where number = $number group by number
