-- The tiers that a running quantity reached, after what is included and what is committed.
create or replace table tiers_met as
select distinct price, tier from charges_atto join tiers using (price) where modelled > above_billionths
