-- When each account that is or was prepaid took up which mode.
with standing as (
    select * from accounts where run <= $run
    qualify row_number() over (partition by account_id, effective_from order by run desc) = 1
)
select account_id, effective_from, mode from standing
where not void and account_id in (select account_id from standing where mode = 'prepaid' and not void)
order by account_id, effective_from
