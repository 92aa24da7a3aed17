-- In which hours there is something to add up, with at most how many records: those that are new, and older ones of the hours
-- that close now.
select hour, sum(accepted)::bigint as records
from ingested_hours
where run <= $run and hour < $until and (run > $head or hour >= $closed_until)
group by hour
order by hour
