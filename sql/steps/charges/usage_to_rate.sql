-- How many rows of usage a run rates, about: those that are new, and those that are rated again with their period.
select count(*) from usage_hourly where run <= $run and (run > $head or slice_start >= $since)
