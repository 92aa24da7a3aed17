-- Pooled allowances (semantics 3): in its first slice of a period with use of the pool's meter a machine adds its
-- allowance times the share of the period that is left, half-even at the ninth decimal.
create or replace table pooled as
with offered as (
    select accounts.account, prices.* exclude (account)
    from accounts join prices on prices.account in ('', accounts.account)
    qualify row_number() over (partition by accounts.account, price_id order by prices.account desc) = 1
),
active as (
    select account, vm, meter as pooled_meter, period_start, period_end, min(quantities.slice_start) as joined_at
    from quantities_billionths as quantities
    join quarters using (account)
    where quarter_number = quantities.slice_start // 900000000
    group by all
)
select
    account, price, price_id, vm, meter, period_start, period_end, joined_at,
    half_even(pooled_billionths * (period_end - joined_at), period_end - period_start) as allowance_billionths
from offered join active using (account, pooled_meter)
