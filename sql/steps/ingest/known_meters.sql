create or replace temp table known_meters as select meter, allow_negative from meters_to_know
