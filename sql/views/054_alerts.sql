-- Every alert that was raised or cleared, since when each channel has it, and which channels it was given up on. They are no
-- part of the books' sums, and are seen as soon as they are stored.
create or replace view books.alerts as
with received as (
    select alert_id, string_agg(channel, ',' order by channel) as delivered_to, max("at") as delivered_at
    from (select alert_id, channel, min("at") as "at" from lake.main.deliveries where outcome = 'delivered' group by all)
    group by alert_id
),
given_up as (
    select alert_id, string_agg(distinct channel, ',' order by channel) as given_up_on
    from lake.main.deliveries where outcome = 'given_up' group by alert_id
)
select alerts.*, coalesce(delivered_to, '') as delivered_to, delivered_at, coalesce(given_up_on, '') as given_up_on
from lake.main.alerts left join received using (alert_id) left join given_up using (alert_id)
