-- Whether anything was ever held back until its period is over.
select count(*) > 0 from held_charges where run <= $run
