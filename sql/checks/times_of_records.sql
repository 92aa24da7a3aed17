-- When the records were that some runs took.
select min("timestamp") as first, max("timestamp") as last from usage_events where run > $since and run <= $run
