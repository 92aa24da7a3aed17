-- The earliest time that new price books name.
select min(effective_from) from price_books where run > $head and run <= $run
