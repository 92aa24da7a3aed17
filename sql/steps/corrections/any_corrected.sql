-- Whether any record counts otherwise than it came, as of a run.
select exists (from corrected_events where run <= $run)
