-- How many series have no sample in the hours before the window that were looked into.
select count(*) from sampled_series anti join preceding_samples using (resource_id, meter, series)
