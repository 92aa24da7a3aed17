-- Whether there is any correction.
select exists (select 1 from corrections)
