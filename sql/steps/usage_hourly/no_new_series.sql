create or replace temp table new_series (resource_id varchar, meter varchar, series varchar, first_sample timestamptz)
