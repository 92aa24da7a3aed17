-- The run up to which alerts and deliveries are in the cache of what waits; null where there is none.
select max(alert_run) from waiting_alerts where alert_id = ''
