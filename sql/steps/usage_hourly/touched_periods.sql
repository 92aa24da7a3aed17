-- What is metered by the billing period depends on all records of the period before: a late record touches its later
-- hours, of which no period has more than 31 days and an hour. (Hours too many cost time and change nothing.)
insert into touched_hours
select
    case when is_pooled then '*' else resource_id end, meter,
    unnest(generate_series(min(hour), least(max(hour) + interval 32 day, $closed_until::timestamptz - interval 1 hour), interval 1 hour))
from touched_hours join periodic_meters using (meter)
group by is_pooled, resource_id, meter
