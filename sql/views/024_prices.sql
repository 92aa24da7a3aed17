-- The prices of every price book, with the whole definition as JSON: of plans, and those agreed with one account.
create or replace view books.prices as
with documents as (
    select version, effective_from, document::json as document from lake.main.price_books
    qualify row_number() over (partition by version order by run desc) = 1
),
of_plans as (
    select version, effective_from, document, '' as account_id, plan.key as plan, plan.value -> 'prices' as prices
    from documents, json_each(document, '$.plans') as plan
),
of_accounts as (
    select version, effective_from, document, account.key as account_id, account.value -> 'prices' as plans
    from documents, json_each(document, '$.accounts') as account
),
agreed as (
    select version, effective_from, document, account_id, plan.key as plan, plan.value as prices
    from of_accounts, json_each(plans) as plan
),
priced as (
    select
        version, effective_from, plan, document ->> 'currency' as currency, account_id,
        unnest(prices::json[]) as definition
    from (from of_plans union all from agreed)
)
select
    version, effective_from, plan, definition ->> 'id' as price_id, definition ->> 'meter' as meter,
    definition ->> 'model' as model, currency, account_id, definition
from priced
