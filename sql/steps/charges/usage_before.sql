-- The same before `$recent`: only what late records or changed reference data touched.
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(quantity) as quantity,
       coalesce(sum(quantity) filter (where run <= $head), 0)::decimal(38, 9) as counted
from late_usage
join late using (account_id, meter)
where run <= $run and slice_start >= first_slice
group by all
