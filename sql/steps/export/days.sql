-- The days of UTC in [first, until) on which something was posted.
select distinct posted_hour::date as day from ledger_entries
where run <= $run and posted_hour >= $first and posted_hour < $until
order by day
