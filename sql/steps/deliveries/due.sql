-- What is to be sent now: the alerts whose turn it is, each account's in order. Who waits longest comes first. A time too far
-- ahead is that of a clock that was wrong.
select * exclude (alert_run, behind), alert_run as run, '' as email
from queued
where list_contains($channels, channel) and (turn_at <= $now or turn_at > $too_far)
order by turn_at, account_id, channel, alert_run, place, alert_id
limit $most
