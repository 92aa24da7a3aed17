-- How many rows of usage an hour has, and of about how many accounts.
select count(*), approx_count_distinct(account_id) from usage_hourly
where run <= $run and slice_start >= $from and slice_start < $until
