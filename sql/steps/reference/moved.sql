-- Whether accounts, subscriptions or price books are newer than a head.
select exists (from accounts where run > $head and run <= $run)
    or exists (from subscriptions where run > $head and run <= $run)
    or exists (from price_books where run > $head and run <= $run)
