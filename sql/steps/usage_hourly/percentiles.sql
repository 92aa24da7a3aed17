-- The samples of each billing period that ends in (from, until], ranked: nearest rank, k = ceil(p x n) (semantics 2,
-- percentile). It is posted in the period's last slice. Pooled samples are summed over the account's resources per five
-- minutes first; of two samples of a resource in the same five minutes the last by (timestamp, source, event_id) holds.
with placed as (
    select sliced_records.*, period_start, period_end, is_pooled, percentile_nano,
        time_bucket(interval 5 minutes, "timestamp") as instant
    from sliced_records join chosen_meters using (meter)
    left join account_zones using (account_id)
    join billing_months on billing_months.time_zone = coalesce(account_zones.time_zone, 'UTC')
        and "timestamp" >= period_start and "timestamp" < period_end
    where period_end > $from and period_end <= $until
),
last_in_five_minutes as (
    select account_id, service_id, resource_id, meter, dimensions, period_start, period_end, percentile_nano, instant,
        arg_max(metered, ("timestamp", source, event_id)) as metered
    from placed where is_pooled group by all
),
sampled as (
    select account_id, service_id, '*' as resource_id, meter, dimensions, period_start, period_end, percentile_nano,
        sum(metered) as metered
    from last_in_five_minutes
    group by account_id, service_id, meter, dimensions, period_start, period_end, percentile_nano, instant
    union all
    select account_id, service_id, resource_id, meter, dimensions, period_start, period_end, percentile_nano, metered
    from placed where not is_pooled
),
ranked as (
    select *, row_number() over (series order by metered) as rank, count(*) over (series) as samples
    from sampled
    window series as (partition by account_id, service_id, resource_id, meter, dimensions, period_end)
)
select
    ranked.account_id, service_id, resource_id, meter, dimensions,
    coalesce(cut_slices.hour, period_end - interval 1 hour) as hour,
    coalesce(cut_slices.slice_start, period_end - interval 1 hour) as slice_start,
    metered as quantity, samples, period_start, period_end
from ranked left join cut_slices on ranked.account_id = cut_slices.account_id and period_end = cut_slices.slice_end
where rank = (percentile_nano::hugeint * samples + 99999999999) // 100000000000
