-- Whether there are alerts, and no cache of those that wait.
select exists (from alerts where channels <> '') and not exists (from waiting_alerts where alert_id = '')
