-- How much was used while one price held, by resource where the price accumulates so.
select span, if(accumulate = 'resource', resource_id, '') as resource_id, sum(quantity) as quantity
from usage_hourly
left join classes using (meter, dimensions)
join spans
    on usage_hourly.account_id = spans.account_id and usage_hourly.service_id = spans.service_id
    and usage_hourly.meter = spans.meter and coalesce(classes.dimension_class, 0) = spans.dimension_class
    and slice_start >= span_start and slice_start < span_end
where run <= $run and slice_start >= $first
group by all
