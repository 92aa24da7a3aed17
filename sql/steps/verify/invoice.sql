select * from invoices where number = $number
