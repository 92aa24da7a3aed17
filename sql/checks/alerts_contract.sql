-- Alerts that break the table's contract: told twice, not raised and cleared by turns, or of no kind that we know.
select * from (
    select *, row_number() over (partition by account_id, rule_id, period order by turn, run) as expected,
           count(*) over (partition by alert_id) as copies
    from alerts
)
where turn <> expected or copies > 1 or account_id = '' or place < 1
   or state <> if(turn % 2 = 1, 'raised', 'cleared')
   or reason not in ('crossed', 'recovered', 'ended') or (state = 'raised') <> (reason = 'crossed')
   or kind not in ('below', 'top_up_percent', 'hours_left', 'budget_percent', 'suspend')
order by run, account_id, place
limit 100
