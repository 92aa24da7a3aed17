-- Accounts with a lot that ended in the hours that closed since the head.
select account_id, min(expires_at) as first_slice from grants
where run <= $run and expires_at > $closed_before and expires_at <= $closed_until group by account_id
