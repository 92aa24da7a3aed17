delete from counter_series
