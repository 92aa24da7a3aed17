-- The meters that accounts have used from an instant on.
select account_id, meter from usage_hourly
where run <= $run and slice_start >= $first and account_id in (select account_id from accounts_to_use)
group by all
