select count(*) from books.short_percentiles
