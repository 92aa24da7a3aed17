delete from waiting_alerts
