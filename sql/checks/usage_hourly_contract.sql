-- Rows of usage_hourly that break the table's contract: an empty key, a slice off the quarter hour or in an hour that is
-- not closed, a quantity out of bounds.
select * from usage_hourly
where run > $since and run <= $run
  and (account_id is null or account_id = '' or resource_id is null or resource_id = '' or meter is null or meter = ''
       or service_id is null or dimensions is null or quantity is null or slice_start is null
       or abs(quantity) >= 1e15 or slice_start <> time_bucket(interval 15 minutes, slice_start)
       or slice_start >= (select max(hour) + interval 1 hour from run_hours where run <= $run))
limit 100
