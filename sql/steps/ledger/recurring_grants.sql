-- The recurring grants as of a run.
select * exclude (run) from grants where run <= $run and kind = 'recurring'
qualify row_number() over (partition by grant_id order by run desc) = 1
