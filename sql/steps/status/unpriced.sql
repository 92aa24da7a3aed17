select count(*) from books.unpriced_usage
