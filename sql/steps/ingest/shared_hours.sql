-- The hours of these records for which the lake holds records of their source already: only there can an earlier copy be.
-- (What was accepted on a second look may be of any source.)
create or replace temp table shared_hours as
select hour from ingested_hours where run <= $run and ($source is null or source in ($source, 'pending'))
intersect
select hour from counted where reason is null
