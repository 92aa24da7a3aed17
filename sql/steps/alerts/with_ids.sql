-- Alerts with their ids: the same alert has the same id, whoever works it out.
select 'alert_' || md5(concat_ws(chr(31), account_id, rule_id, period, turn)) as alert_id, * from found_alerts
