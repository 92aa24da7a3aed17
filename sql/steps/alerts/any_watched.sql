-- Whether anything may be watched: rules of accounts, prepaid accounts, or alerts that stand.
select
    exists (from alert_rules where run <= $run) or exists (from alerts where run <= $run),
    exists (from accounts where run <= $run and mode = 'prepaid'),
    exists (from accounts where run <= $run and mode = 'postpaid')
