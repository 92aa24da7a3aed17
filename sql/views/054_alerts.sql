-- Every alert that was raised or cleared, and since when each channel has it. They are no part of the books' sums, and are
-- seen as soon as they are stored.
create or replace view books.alerts as
with received as (
    select alert_id, string_agg(channel, ',' order by channel) as delivered_to, max("at") as delivered_at
    from (select alert_id, channel, min("at") as "at" from lake.main.deliveries where outcome = 'delivered' group by all)
    group by alert_id
)
select alerts.*, coalesce(delivered_to, '') as delivered_to, delivered_at
from lake.main.alerts left join received using (alert_id)
