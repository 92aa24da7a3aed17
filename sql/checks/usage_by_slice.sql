-- How much was used in each slice while a price with a commitment by the hour held.
select span, slice_start, sum(quantity) as quantity
from usage_hourly
left join classes using (meter, dimensions)
join spans
    on usage_hourly.account_id = spans.account_id and usage_hourly.service_id = spans.service_id
    and usage_hourly.meter = spans.meter and coalesce(classes.dimension_class, 0) = spans.dimension_class
    and slice_start >= span_start and slice_start < span_end
where run <= $run and slice_start >= $first
group by all
