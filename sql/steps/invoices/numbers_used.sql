-- How many numbers of a seller's series are used: there are no gaps.
select count(*) from invoices where run <= $run and seller = $seller and ($year = 0 or year(issued_at) = $year)
