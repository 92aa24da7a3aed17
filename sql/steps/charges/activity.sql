-- The first slice in which each resource used a meter that a price pools by, in each span of its account's prices. A slice
-- can only come to nothing where something was taken back, so only such resources are summed slice by slice.
with firsts as (
    select
        account_id, service_id, resource_id, meter, span_start, span_end,
        min(slice_start) filter (quantity <> 0) as joins_at, bool_or(quantity < 0) as taken_back
    from usage_hourly
    join pooling using (account_id, meter)
    where run <= $run and slice_start >= $first and slice_start < $until
      and slice_start >= span_start and slice_start < span_end
    group by account_id, service_id, resource_id, meter, span_start, span_end
),
summed as (
    select account_id, service_id, resource_id, meter, span_start, slice_start
    from usage_hourly
    join (from firsts where taken_back) as doubtful using (account_id, service_id, resource_id, meter)
    where run <= $run and slice_start >= $first and slice_start < $until
      and slice_start >= span_start and slice_start < span_end
    group by account_id, service_id, resource_id, meter, span_start, dimensions, slice_start
    having sum(quantity) <> 0
)
select account_id, service_id, resource_id, meter, joins_at as slice_start
from firsts
where not taken_back and joins_at is not null
union all
select account_id, service_id, resource_id, meter, min(slice_start)
from summed
group by account_id, service_id, resource_id, meter, span_start
