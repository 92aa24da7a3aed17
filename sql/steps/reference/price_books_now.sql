-- Every price book in the order in which it came.
select version, document from price_books where run <= $run order by run
