-- What earlier documents stated of a line: it is taken off what the books hold.
select invoices.number, line, quantity, exact, invoice_lines.amount
from invoice_lines join invoices using (number)
where invoice_lines.run < $run and invoice_lines.account_id = $account and invoice_lines.period_start = $period_start
  and plan = $plan and price_id = $price_id and version = $version and tier = $tier and kind = $kind
order by number, line
