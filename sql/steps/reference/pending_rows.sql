-- Subscriptions, grants and alert rules that were refused for want of their account: judged again every run (semantics 2).
select source, file, "row", record
from (
    from rejected_events where run <= $run and source in ('subscriptions', 'grants', 'alert_rules')
    qualify row_number() over (partition by source, file, "row", record order by run desc) = 1
)
where starts_with(reason, 'unknown_account')
order by source, file, "row"
