-- The price books that a rerating replaced: they are not taken again but by another.
select distinct price_books.document, reratings.reason
from price_books join reratings
    on reratings.run > price_books.run
    and (reratings.version = price_books.version or reratings.effective_from = price_books.effective_from)
where reratings.run <= $run
