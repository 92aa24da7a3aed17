-- How many commits the reference data has for runs up to one (`resources.writer.reference_mark`).
select count(*) from step_heads where step = 'reference' and run <= $run
