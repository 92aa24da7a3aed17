-- Hours with a record that was corrected since a head: sums too are worked out again there.
insert into touched_hours
select distinct resource_id, meter, date_trunc('hour', "timestamp")
from corrected_events where run > $head and run <= $run and "timestamp" < $closed_until
