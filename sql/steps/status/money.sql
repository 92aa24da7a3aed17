select currency, sum(credit) as credit, sum(unbilled) as unbilled, sum(receivable) as receivable
from books.balances group by currency order by currency
