-- The earliest of the records that were corrected since a head.
select min("timestamp") from corrected_events where run > $head and run <= $run
