-- The tiers that a running quantity reached after `included`; nothing is converted where there are tiers, but thousands.
create or replace table tiers_met as
select distinct price, tier
from charges_atto join prices using (price) join tiers using (price)
where total // if(per_unit = 'thousand', 1000, 1) - included_billionths > above_billionths
