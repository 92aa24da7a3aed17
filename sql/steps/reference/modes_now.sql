-- How accounts pay, and since when.
with standing as (
    select * from accounts where run <= $run
    qualify row_number() over (partition by account_id, effective_from order by run desc) = 1
)
select account_id, effective_from, mode from standing where not void order by account_id, effective_from
