-- What is to be sent now: of each account and channel the alerts that did not get through, in order, from the first on, unless
-- that one was tried not long ago. Who waits longest comes first. A time too far ahead is that of a clock that was wrong.
with wanted as (
    select *, unnest(string_split(channels, ',')) as channel from alerts where channels <> ''
),
tried as (
    select alert_id, channel, max(attempt) as attempts, bool_or(outcome = 'delivered') as is_delivered,
           arg_max(due_at, (attempt, run)) as due_at
    from deliveries group by all
),
waiting as (
    select wanted.*, coalesce(attempts, 0) as attempts, coalesce(due_at, '1970-01-01'::timestamptz) as due_at
    from wanted left join tried using (alert_id, channel)
    where not coalesce(is_delivered, false) and list_contains($channels, channel)
),
queued as (
    select *, first_value(due_at) over (partition by account_id, channel order by run, place, alert_id) as first_due_at
    from waiting
    qualify first_due_at <= $now or first_due_at > $too_far
),
addresses as (
    select account_id, email from accounts
    qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1
)
select queued.*, addresses.email
from queued left join addresses using (account_id)
order by first_due_at, account_id, channel, queued.run, place, alert_id
limit $most
