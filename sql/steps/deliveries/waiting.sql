-- How many alerts did not get through yet, by channel, and what the last of their failures was.
with wanted as (
    select alert_id, unnest(string_split(channels, ',')) as channel from alerts where channels <> ''
),
tried as (
    select alert_id, channel, bool_or(outcome = 'delivered') as is_delivered, max("at") as last_at,
           arg_max(error, ("at", attempt)) as error
    from deliveries group by all
)
select channel, count(*) as alerts, arg_max(error, last_at) as last_error
from wanted left join tried using (alert_id, channel)
where not coalesce(is_delivered, false)
group by channel order by channel
