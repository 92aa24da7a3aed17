-- The accounts with credit that no run has posted yet, with the newest run that gave some. Usually none.
select account_id, max(run) as run from grants where run > $posted group by account_id
