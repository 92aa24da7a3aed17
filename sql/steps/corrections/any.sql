-- Whether there is any correction.
select exists (from corrections)
