-- What the plan has no price for, by meter.
select meter, sum(quantity)::decimal(38, 9) as quantity, count(*) as slices
from books.unpriced_usage
group by meter
order by meter
