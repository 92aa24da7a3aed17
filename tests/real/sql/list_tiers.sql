-- The tiers of list_prices.sql: each prices what lies above `above` and not above `up_to` (null: no end). A unit price
-- is one tier without end.
create or replace table tiers as
select
    price_id, tier,
    (above::decimal(38, 9) * 1000000000)::hugeint as above_billionths,
    (up_to::decimal(38, 9) * 1000000000)::hugeint as up_to_billionths,
    (unit_price::decimal(38, 9) * 1000000000)::hugeint as unit_price_billionths,
    (flat_fee::decimal(20, 2) * 100)::hugeint * 10000000000000000 as flat_fee_atto
from (values
    ('cpu',    1, '0',    '800',  '0.012',    '0'),
    ('cpu',    2, '800',  '2500', '0.0115',   '0'),
    ('cpu',    3, '2500', null,   '0.0095',   '0'),
    ('memory', 1, '0',    null,   '0.001825', '0'),
    ('disk',   1, '0',    '5',    '0.02',     '0'),
    ('disk',   2, '5',    '100',  '0.015',    '0.10'),
    ('disk',   3, '100',  null,   '0.0125',   '0'),
    ('in',     1, '0',    null,   '0',        '0'),
    ('out',    1, '0',    '50',   '0.09',     '0'),
    ('out',    2, '50',   '500',  '0.07',     '0.25'),
    ('out',    3, '500',  null,   '0.045',    '0')
) as listed (price_id, tier, above, up_to, unit_price, flat_fee)
