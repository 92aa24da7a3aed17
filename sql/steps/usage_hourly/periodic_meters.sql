create or replace temp table periodic_meters as select meter, is_pooled from meters_to_use where is_periodic
