-- Records that break the table's contract: an empty key, a quantity out of bounds.
select * from usage_events
where run > $since and run <= $run
  and (event_id is null or event_id = '' or "timestamp" is null or account_id is null or account_id = ''
       or resource_id is null or resource_id = '' or meter is null or meter = '' or service_id is null
       or dimensions is null or quantity is null or abs(quantity) >= 1e12)
limit 100
