-- Every charge: a priced difference. Late records and corrections add rows, they change none.
create or replace view books.charges as
select
    md5(concat_ws(chr(31), account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan,
        price_id, version, currency, kind, run)) as charge_id, *
from lake.main.charges
where run <= (select max(run) from lake.main.step_heads where complete)
