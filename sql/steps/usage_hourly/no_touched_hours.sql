create or replace temp table touched_hours (resource_id varchar, meter varchar, hour timestamptz)
