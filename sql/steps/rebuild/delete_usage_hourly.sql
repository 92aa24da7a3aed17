delete from usage_hourly
