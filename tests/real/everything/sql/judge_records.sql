-- A record that lacks what its meter sums is refused. What counts of the others: of one identity (event_id, instant) the first in the order of the file; the source is one (semantics 2).
create or replace table events as
select * from records
where meter <> 'resold' or amount_billionths is not null
qualify row_number() over (partition by event_id, instant_microseconds order by row_number) = 1
