-- Grants that have more rows than one, and maybe a few others: numbers are compared faster than text.
with numbered as materialized (select hash(grant_id) as number from grants where run <= $run),
repeated as materialized (select number from numbered group by number having count(*) > 1)
select distinct grant_id from grants where run <= $run and hash(grant_id) in (from repeated)
