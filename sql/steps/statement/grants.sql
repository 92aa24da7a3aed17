-- The grants of an account as their newest rows have them.
select grant_id, receipt, gateway, reason from grants where account_id = $account and run <= $run
qualify row_number() over (partition by grant_id order by run desc) = 1
