-- Those of some accounts that are suspended, by what was told last.
select account_id from alerts where kind = 'suspend' and list_contains($accounts, account_id)
group by account_id having arg_max(state, turn) = 'raised'
order by account_id
