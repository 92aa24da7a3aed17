-- Percentiles of periods that are over: the sample of rank ceil(p x n), in the period's last slice; nothing where there
-- are fewer samples than the meter asks for. Pooled: the last sample of each of
-- an account's machines is summed per five minutes first.
create or replace table ranked as
with samples as (
    select account, if(pooled, '*', vm) as vm, meter, period_start, period_end,
        if(pooled, instant_microseconds // 300000000, row_number) as instant,
        sum(value_billionths) as value_billionths
    from (
        select *, not pooled or row_number() over (
            partition by vm, meter, period_start, instant_microseconds // 300000000
            order by instant_microseconds desc, event_id desc
        ) = 1 as is_sample
        from placed join meters using (meter)
    )
    where is_sample and aggregation = 'percentile' and period_end <= epoch_us($closed_until::timestamptz)
    group by all
),
numbered as (
    select
        *,
        row_number() over (each_period order by value_billionths) as rank,
        count(*) over each_period as samples
    from samples
    window each_period as (partition by account, vm, meter, period_start)
)
select
    numbered.account, vm, meter, '{}' as dimensions, quarters.slice_start, samples,
    samples >= minimum_samples as is_enough,
    rounded(value_billionths, rounding_mode, rounding_step_billionths)::hugeint as quantity_billionths
from numbered
join meters using (meter)
join quarters on quarters.account = numbered.account and quarter_number = numbered.period_end // 900000000 - 1
where rank = (percentile_billionths * samples + 100000000000 - 1) // 100000000000
