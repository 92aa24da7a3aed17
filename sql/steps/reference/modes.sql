-- When each account that is or was prepaid took up which mode.
with standing as (
    select account_id, effective_from, mode from accounts where run <= $run and not void
    qualify row_number() over (partition by account_id, effective_from order by run desc) = 1
)
select account_id, effective_from, mode from standing
where account_id in (select account_id from standing where mode = 'prepaid')
order by account_id, effective_from
