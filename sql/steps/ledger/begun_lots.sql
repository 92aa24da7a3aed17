-- Accounts with a lot that began in the hours that closed since the head: it may settle what is open, and stands at nothing.
select account_id, min(effective_at) as first_slice from grants
where run <= $run and effective_at > $closed_before and effective_at <= $closed_until group by account_id
