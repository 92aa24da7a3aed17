-- The newest run with which accounts or price books came: what was refused before, for want of them, may pass now.
select greatest(
    (select coalesce(max(run), 0) from accounts where run <= $run),
    (select coalesce(max(run), 0) from price_books where run <= $run))
