-- Every grant as its newest row has it; a voided one is worth nothing.
create or replace view books.grants as
from lake.main.grants qualify row_number() over (partition by grant_id order by run desc) = 1
