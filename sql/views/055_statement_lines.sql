-- What `meterbook statement` says by day, of all accounts (docs/statements.md): every amount is what it does to the balance,
-- credit + unbilled + receivable. Ask for one account: then no other is read, and `balance` costs its entries alone.
create or replace view books.statement_lines as
with whole as (select coalesce(max(run), 0) as run from lake.main.step_heads where complete),
-- Each run that posted, and the first hour that was open to it, as `sql/steps/statement/postings.sql` has it.
posted as (
    select run, lag(run, 1, 0) over (order by run) as before
    from (select distinct run from lake.main.step_heads where step = 'ledger_entries' and run <= (from whole))
),
hours as (
    select run, max(max(hour)) over (order by run) + interval 1 hour as open from lake.main.run_hours group by run
),
months as (
    select run, max(max(closed_until)) over (order by run) as open from lake.main.closed_months group by run
),
postings as (
    select
        posted.run,
        greatest(coalesce(hours.open, '1970-01-01'::timestamptz), coalesce(months.open, '1970-01-01'::timestamptz)) as first_open
    from posted asof left join hours on posted.before >= hours.run asof left join months on posted.run >= months.run
),
opened as (
    select runs.run, first_open from lake.main.runs as runs asof join postings on runs.run <= postings.run
),
zones as (
    select account_id, currency, time_zone from lake.main.accounts
    qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1
),
rerated as (
    select distinct runs.run
    from lake.main.runs as runs
    semi join (select job from lake.main.reratings join lake.main.runs using (run)) as jobs using (job)
),
corrected as (select distinct run, account_id, meter from lake.main.corrected_events),
legs as not materialized (
    select
        entries.account_id, zones.currency, entries.kind, lot, run, split_part(account, ':', 1) as part,
        if(account like 'credit:%', split_part(account, ':', -1), '') as credit_kind, -amount as effect,
        greatest(slice_start, posted_hour) as moment, timezone(time_zone, moment)::date as date
    from lake.main.ledger_entries as entries join zones on zones.account_id = entries.account_id
    where run <= (from whole) and split_part(account, ':', 1) in ('credit', 'unbilled', 'receivable')
),
entries as (
    select
        account_id, currency, date, kind, moment as "at", run, max(credit_kind) as credit_kind, lot,
        coalesce(sum(effect) filter (where part = 'credit'), 0) as credit,
        coalesce(sum(effect) filter (where part = 'unbilled'), 0) as unbilled,
        coalesce(sum(effect) filter (where part = 'receivable'), 0) as receivable
    from legs where kind <> 'usage' group by all
),
draws as (
    select account_id, currency, date, 'draw' as kind, credit_kind, lot, sum(effect) as credit, -credit as unbilled
    from legs where kind = 'usage' and part = 'credit' group by all
),
charged as (
    select
        charges.*, first_open, timezone(time_zone, greatest(slice_start, first_open))::date as date,
        timezone(time_zone, slice_start)::date as slice_date, rerated.run is not null as is_rerated,
        corrected.run is not null as is_corrected
    from lake.main.charges as charges
    join opened using (run)
    join zones on zones.account_id = charges.account_id
    left join rerated using (run)
    left join corrected on corrected.run = charges.run and corrected.account_id = charges.account_id
        and corrected.meter = charges.meter
    where charges.run <= (from whole)
),
caused as (
    select
        *,
        case
            when date_trunc('hour', slice_start) >= first_open then ''
            when is_rerated then 'rerated'
            when is_corrected then 'corrected'
            when slice_date < date then 'late'
            else ''
        end as cause,
        if(cause <> '', slice_date, null) as of
    from charged
),
charge_lines as (
    select
        account_id, currency, date, 'charge' as kind, plan, price_id, meter, kind as charge_kind, of, cause,
        -sum(amount_delta) as unbilled
    from caused group by all
),
lines as (
    select * from entries
    union all by name select * from draws
    union all by name select * from charge_lines
),
ranked as (
    select
        account_id, currency, date, kind, "at", coalesce(credit_kind, '') as credit_kind, coalesce(lot, '') as lot,
        coalesce(plan, '') as plan, coalesce(price_id, '') as price_id, coalesce(meter, '') as meter,
        coalesce(charge_kind, '') as charge_kind, of, coalesce(cause, '') as cause, run,
        coalesce(credit, 0)::decimal(38, 18) as credit, coalesce(unbilled, 0)::decimal(38, 18) as unbilled,
        coalesce(receivable, 0)::decimal(38, 18) as receivable,
        coalesce(list_position(
            ['grant', 'rollover', 'settlement', 'charge', 'draw', 'expiry', 'issue', 'payment', 'refund'], kind), 10) as rank
    from lines
)
select
    account_id, currency, date, kind, "at", credit_kind, lot, plan, price_id, meter, charge_kind, of, cause, credit, unbilled,
    receivable, (credit + unbilled + receivable)::decimal(38, 18) as amount,
    (sum(credit + unbilled + receivable) over (
        partition by account_id
        order by date, rank, "at" nulls first, run nulls first, coalesce(of, date), meter, price_id, charge_kind, plan, lot, kind,
            credit_kind, cause
        rows unbounded preceding))::decimal(38, 18) as balance
from ranked where credit <> 0 or unbilled <> 0 or receivable <> 0
