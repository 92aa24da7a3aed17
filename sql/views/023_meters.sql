-- The meters of every price book.
create or replace view books.meters as
with documents as (
    select version, effective_from, document::json as document from lake.main.price_books
    qualify row_number() over (partition by version order by run desc) = 1
),
named as (select *, unnest(json_keys(document -> 'meters')) as meter from documents)
select
    version, effective_from, meter, definition ->> 'title' as title, definition ->> 'unit' as unit,
    definition ->> 'aggregation' as aggregation, definition ->> 'max_gap' as max_gap, definition ->> 'factor' as factor
from (select *, json_extract(document -> 'meters', '$."' || meter || '"') as definition from named)
