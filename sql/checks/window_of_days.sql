-- The runs that began since a time.
select min(run) - 1 as since, max(run) as run from runs where began_at >= $began_since having count(*) > 0
