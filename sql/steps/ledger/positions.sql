-- Where every lot stands: the state that the last run left.
select * exclude (run) from lot_positions where run = (select max(run) from lot_positions where run <= $run)
