-- The hours of these records for which the lake holds records already: only there can an earlier copy be.
create or replace temp table shared_hours as
select hour from ingested_hours where run <= $run
intersect
select hour from counted where reason is null
