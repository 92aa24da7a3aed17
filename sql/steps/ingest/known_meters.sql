-- The meters, as lists that `judged` looks into: all, and those that may take negative quantities.
set variable known_meters = (select coalesce(list(meter), []) from meters_to_know);
set variable negative_meters = (select coalesce(list(meter), []) from meters_to_know where allow_negative)
