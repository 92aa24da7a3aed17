-- Alerts that were given up by themselves, or that were tried for hours and did not get through.
select
    alert_id, account_id, channel, max(attempt) as attempts, max("at") as last_tried_at, arg_max(error, (attempt, run)) as error,
    bool_or(outcome = 'given_up') as is_given_up
from deliveries where run > $since
group by alert_id, account_id, channel
having bool_or(outcome = 'given_up' and coalesce("by", '') = '')
    or (max(attempt) >= 10 and not bool_or(outcome in ('delivered', 'given_up')))
order by last_tried_at, alert_id, channel
limit 100
