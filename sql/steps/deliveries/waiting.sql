-- The alerts that did not get through, by channel, with what was tried: those of the cache, and those of later runs. Of the
-- last run that the cache has seen there may be more, so it is looked at again; what is counted twice comes to the same.
with fresh as (
    select * exclude (channels, run), run as alert_run, unnest(string_split(channels, ',')) as channel
    from alerts where run >= $known_until and channels <> ''
),
wanted as (
    select * exclude (run) from waiting_alerts where alert_id <> ''
    union all by name
    select *, 0 as attempts, '' as error, '' as taken_by, '1970-01-01'::timestamptz as due_at
    from fresh anti join waiting_alerts using (alert_id, channel)
),
tried as (
    select
        alert_id, channel, max(attempt) as attempts, arg_max(error, (attempt, run)) as error,
        arg_max(coalesce(taken_by, ''), (attempt, run)) as taken_by, min("at") filter (outcome = 'failed') as first_failed_at,
        arg_max(due_at, (attempt, run)) as due_at, bool_or(outcome in ('delivered', 'given_up')) as is_over
    from deliveries where run > $known_until
    group by all
)
select wanted.* replace (
    greatest(wanted.attempts, coalesce(tried.attempts, 0)) as attempts,
    if(tried.attempts >= wanted.attempts, tried.error, wanted.error) as error,
    if(tried.attempts >= wanted.attempts, tried.taken_by, wanted.taken_by) as taken_by,
    if(tried.attempts >= wanted.attempts, tried.due_at, wanted.due_at) as due_at,
    least(wanted.first_failed_at, tried.first_failed_at) as first_failed_at)
from wanted left join tried using (alert_id, channel)
where not coalesce(tried.is_over, false)
