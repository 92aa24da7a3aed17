-- The newest row of each identity.
select * exclude (run) from grants where run <= $run
qualify row_number() over (partition by grant_id order by run desc) = 1
