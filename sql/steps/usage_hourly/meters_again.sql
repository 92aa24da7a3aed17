-- Meters whose slices are worked out again where a record comes late: how far it reaches.
create or replace temp table meters_again as
select meter, to_microseconds(coalesce(max_gap_microseconds, 1)) as reach from meters_to_use where not is_additive
