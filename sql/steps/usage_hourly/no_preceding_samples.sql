create or replace temp table preceding_samples (
    resource_id varchar, meter varchar, series varchar, "timestamp" timestamptz, reading decimal(38, 9))
