-- Alerts (docs/alerts.md): what each account's balance is watched for, what was raised and cleared, and what was sent of it.
-- Alerts are the outbox: one is stored before it is sent, and a delivery after. The newest row of a rule holds.
create table alert_rules (
    rule_id varchar not null, account_id varchar not null, kind varchar not null, threshold decimal(38, 18) not null,
    amount decimal(38, 18) not null, void boolean not null, run bigint not null);
create table alerts (
    alert_id varchar not null, account_id varchar not null, rule_id varchar not null, kind varchar not null,
    period varchar not null, state varchar not null, reason varchar not null, turn bigint not null, place bigint not null,
    currency varchar not null, value decimal(38, 18), threshold decimal(38, 18), setting decimal(38, 18),
    hour timestamptz not null, channels varchar not null, run bigint not null);
create table deliveries (
    alert_id varchar not null, account_id varchar not null, channel varchar not null, attempt bigint not null,
    outcome varchar not null, error varchar not null, "at" timestamptz not null, due_at timestamptz not null,
    run bigint not null);
-- A cache: each account's balance, and what it has spent in the billing period that begins then.
create table account_balances (
    account_id varchar not null, currency varchar not null, credit decimal(38, 18) not null,
    unbilled decimal(38, 18) not null, period_start timestamptz not null, spent decimal(38, 18) not null,
    run bigint not null)
