-- The first hour that takes postings: not closed before this run, and in no closed month.
select greatest(
    coalesce((select max(hour) + interval 1 hour from run_hours where run <= $head), '1970-01-01'::timestamptz),
    coalesce((select max(closed_until) from closed_months where run <= $run), '1970-01-01'::timestamptz))
