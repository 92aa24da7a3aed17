-- How many charges an account has in an hour, about.
select ceil(count(*) / greatest(approx_count_distinct(account_id), 1))::bigint
from charges where run <= $run and slice_start >= $from and slice_start < $until
