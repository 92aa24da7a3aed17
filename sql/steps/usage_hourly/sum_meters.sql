create or replace temp table sum_meters as select meter from meters_to_use where is_additive
