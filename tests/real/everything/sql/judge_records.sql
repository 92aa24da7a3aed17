-- What counts: a record that lacks what its meter sums is refused; of the others the first of one identity (event_id,
-- instant), in the order of the file; the source is one (semantics 2).
create or replace table events as
select * from records
where meter <> 'resold' or amount_billionths is not null
qualify row_number() over (partition by event_id, instant_microseconds order by row_number) = 1
