select * from invoice_lines where number = $number order by line
