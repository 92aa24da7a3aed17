-- The earliest time that price books with new rows name, or named before: from there on, prices may be others.
select min(effective_from) from price_books
where run <= $run and version in (select version from price_books where run > $head and run <= $run)
