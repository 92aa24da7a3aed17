-- Where every lot stands: the state that the last run left, and no other.
select * exclude (run) from lot_positions where run <= $run
