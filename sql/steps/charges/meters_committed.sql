-- The meters of which accounts are charged a commitment by the hour from an instant on.
select distinct account_id, meter from charges
where run <= $run and slice_start >= $first and kind = 'hourly_commitment'
  and account_id in (select account_id from accounts_to_use)
