-- Whether accounts, subscriptions or price books are newer than a head.
select exists (select 1 from accounts where run > $head and run <= $run)
    or exists (select 1 from subscriptions where run > $head and run <= $run)
    or exists (select 1 from price_books where run > $head and run <= $run)
