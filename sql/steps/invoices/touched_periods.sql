-- Accounts and periods with charges that no issued document has seen.
with issued as (select account_id, max(snapshot_run) as snapshot_run from invoices where run <= $run group by account_id)
select distinct charges.account_id, charges.period_start
from charges left join issued using (account_id)
where charges.run <= $snapshot_run and charges.run > coalesce(issued.snapshot_run, 0)
