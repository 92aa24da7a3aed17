-- The meters, as lists that `judged` looks into: all, those that may take negative quantities,
-- and those whose records carry an amount.
set variable known_meters = (select coalesce(list(meter), []) from meters_to_know);
set variable negative_meters = (select coalesce(list(meter), []) from meters_to_know where allow_negative);
set variable amount_meters = (select coalesce(list(meter), []) from meters_to_know where value = 'amount')
