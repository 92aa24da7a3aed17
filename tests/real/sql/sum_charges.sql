-- What each account owes for each price in the week.
create or replace table totals as
select account, price_id, sum(quantity) as quantity, sum(amount) as amount
from charges
group by account, price_id
order by account, price_id
