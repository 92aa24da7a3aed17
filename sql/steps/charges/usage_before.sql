-- The same before `$recent`: only what late records or changed reference data touched. (The accounts alone first: then
-- the other columns are read for their rows only.)
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(quantity) as quantity,
       coalesce(sum(quantity) filter (where run <= $head), 0)::decimal(38, 9) as counted
from (
    from usage_hourly
    where run <= $run and slice_start >= $first and slice_start < $recent
      and account_id in (select account_id from touched where first_slice < $recent)
)
join (from touched where first_slice < $recent) as late using (account_id, meter)
where slice_start >= first_slice
group by all
