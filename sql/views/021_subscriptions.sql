-- Every change of plan that stands; a plan of null ends a subscription.
create or replace view books.subscriptions as
select * exclude (void)
from (from lake.main.subscriptions qualify row_number() over (partition by subscription_id, effective_from order by run desc) = 1)
where not void
