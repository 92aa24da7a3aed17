-- How many rows of usage a run rates, about: those that are new, and those that are rated again with their period. (Two
-- questions, so that files are passed over by run and by time.)
select (select count(*) from usage_hourly where run > $head and run <= $run)
    + (select count(*) from usage_hourly where run <= least($head, $run) and slice_start >= $since)
