-- The prices of every price book, with the whole definition as JSON.
create or replace view books.prices as
with documents as (
    select version, effective_from, document::json as document from lake.main.price_books
    qualify row_number() over (partition by version order by run desc) = 1
),
plans as (select *, unnest(json_keys(document -> 'plans')) as plan from documents),
priced as (
    select
        version, effective_from, plan, document ->> 'currency' as currency,
        unnest(json_extract(document -> 'plans', '$."' || plan || '".prices')::json[]) as definition
    from plans
)
select
    version, effective_from, plan, definition ->> 'id' as price_id, definition ->> 'meter' as meter,
    definition ->> 'model' as model, currency, definition
from priced
