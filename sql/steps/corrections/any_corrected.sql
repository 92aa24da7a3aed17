-- Whether any record counts otherwise than it came, as of a run.
select exists (select 1 from corrected_events where run <= $run)
