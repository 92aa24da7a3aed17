create or replace temp table new_series as select resource_id, meter, series, first_sample from series_to_keep
