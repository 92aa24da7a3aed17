-- Where each alert that waits stands: when it is its turn, and behind which one. Those of an account and channel follow each
-- other; one that some addresses have already waits for the others alone, and holds up nobody.
select
    waiting.*, first_value(due_at) over queue as turn_at,
    nullif(first_value(alert_id) over queue, alert_id) as behind
from waiting
window queue as (
    partition by account_id, channel, if(taken_by = '', '', alert_id) order by alert_run, place, alert_id)
