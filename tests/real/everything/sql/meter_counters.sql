-- Counters: by how much the reading rose, in the slice of the later sample; the first is a baseline. A fall is a wrap
-- where the meter has a width, and else a reset: the new reading is the difference.
create or replace table counted as
with steps as (
    select
        *,
        lag(value_billionths) over (partition by vm, meter order by instant_microseconds, event_id) as before
    from placed join meters using (meter)
    where aggregation = 'counter'
)
select
    account, vm, meter, dimensions, slice_start,
    sum(case
        when value_billionths >= before then value_billionths - before
        when width_billionths is not null then value_billionths - before + width_billionths
        else value_billionths
    end) as quantity_billionths
from steps
where before is not null
group by all
