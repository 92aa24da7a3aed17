-- All rows of the grants that have new ones.
select grants.* from grants
where run <= $run and grant_id in (select grant_id from grants where run > $head and run <= $run)
