-- One line of an issued invoice, with what the invoice says of its account and run.
select invoice_lines.*, invoices.currency, invoices.period, invoices.snapshot_run
from invoice_lines join invoices using (number) where number = $number and line = $line
