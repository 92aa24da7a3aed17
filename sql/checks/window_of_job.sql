-- The runs that a job drew; one that other writers overtook has several.
select min(run) - 1 as since, max(run) as run from runs where job = $job having count(*) > 0
