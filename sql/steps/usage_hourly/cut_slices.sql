-- The slices of those account hours that a boundary cuts (semantics 2); every other hour is one slice.
create or replace temp table cut_slices as select account_id, hour, slice_start, slice_end from slices_to_use
