-- What a run refused, or judged anew: by source and reason.
select source, reason, count(*) as records
from rejected_events where run = $run
group by all order by records desc, source, reason
