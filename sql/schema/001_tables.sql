-- The tables of the books (design 4). Facts and differences are appended, never changed; every row carries its run.
-- One file is one migration: it is applied once, in one transaction, and recorded in schema_migrations.

create table runs (run bigint not null, job varchar not null, command varchar not null, began_at timestamptz not null);
create table step_heads (step varchar not null, run bigint not null, complete boolean not null, committed_at timestamptz not null);
create table run_hours (hour timestamptz not null, run bigint not null);

create table ingested_files (
    source varchar not null, file varchar not null, sha256 varchar not null, size bigint not null, modified_ns bigint not null,
    status varchar not null, records bigint not null, accepted bigint not null, duplicates bigint not null,
    refused bigint not null, skipped bigint not null, late bigint not null, error varchar, run bigint not null);
create table ingested_hours (hour timestamptz not null, source varchar not null, accepted bigint not null, run bigint not null);
create table usage_events (
    source varchar not null, event_id varchar not null, "timestamp" timestamptz not null, account_id varchar not null,
    service_id varchar not null, resource_id varchar not null, meter varchar not null, quantity decimal(38, 9) not null,
    amount decimal(38, 9), dimensions varchar not null, file varchar not null, "row" bigint not null, run bigint not null);
create table rejected_events (
    source varchar not null, file varchar not null, "row" bigint not null, meter varchar not null, event_id varchar,
    "timestamp" varchar, account_id varchar, service_id varchar, resource_id varchar, quantity varchar, amount varchar,
    dimensions varchar, record varchar, reason varchar not null, run bigint not null);

create table accounts (
    account_id varchar not null, effective_from timestamptz not null, name varchar not null, email varchar not null,
    address varchar not null, country varchar not null, tax_id varchar not null, seller varchar not null,
    currency varchar not null, time_zone varchar not null, mode varchar not null, tax_code varchar not null,
    tax_rate decimal(9, 4) not null, void boolean not null, run bigint not null);
create table subscriptions (
    subscription_id varchar not null, account_id varchar not null, service_id varchar not null, plan varchar,
    effective_from timestamptz not null, void boolean not null, run bigint not null);
create table grants (
    grant_id varchar not null, account_id varchar not null, kind varchar not null, amount decimal(38, 18) not null,
    currency varchar not null, priority integer not null, effective_at timestamptz not null, expires_at timestamptz,
    receipt varchar not null, tax_paid decimal(38, 18) not null, tax_code varchar not null, gateway varchar not null,
    reason varchar not null, void boolean not null, run bigint not null);
create table price_books (
    version varchar not null, effective_from timestamptz not null, file varchar not null, sha256 varchar not null,
    document varchar not null, run bigint not null);

create table usage_hourly (
    account_id varchar not null, service_id varchar not null, resource_id varchar not null, meter varchar not null,
    dimensions varchar not null, slice_start timestamptz not null, quantity decimal(38, 9) not null, run bigint not null);
create table charges (
    account_id varchar not null, service_id varchar not null, resource_id varchar not null, meter varchar not null,
    dimensions varchar not null, slice_start timestamptz not null, subscription_id varchar not null, plan varchar not null,
    price_id varchar not null, version varchar not null, currency varchar not null, kind varchar not null,
    period_start timestamptz not null, quantity_delta decimal(38, 9) not null, amount_delta decimal(38, 18) not null,
    run bigint not null);
create table ledger_entries (
    account varchar not null, account_id varchar not null, lot varchar not null, currency varchar not null,
    amount decimal(38, 18) not null, slice_start timestamptz not null, posted_hour timestamptz not null,
    kind varchar not null, run bigint not null);
create table rated_totals (
    account_id varchar not null, subscription_id varchar not null, plan varchar not null, price_id varchar not null,
    resource_id varchar not null, meter varchar not null, period_start timestamptz not null,
    period_end timestamptz not null, quantity decimal(38, 9) not null, run bigint not null);
create table lot_positions (
    account_id varchar not null, lot varchar not null, position decimal(38, 18) not null, run bigint not null);

create table invoices (
    number varchar not null, account_id varchar not null, seller varchar not null, period varchar not null,
    period_start timestamptz not null, period_end timestamptz not null, issued_at timestamptz not null,
    currency varchar not null, net decimal(38, 18) not null, promotional_credit decimal(38, 18) not null,
    paid_credit decimal(38, 18) not null, tax_rate decimal(9, 4) not null, tax decimal(38, 18) not null,
    due decimal(38, 18) not null, document varchar not null, snapshot_run bigint not null, run bigint not null);
create table invoice_lines (
    number varchar not null, line bigint not null, account_id varchar not null, period_start timestamptz not null,
    plan varchar not null, price_id varchar not null, version varchar not null, tier integer not null,
    kind varchar not null, quantity decimal(38, 9) not null, unit_price decimal(38, 9), amount decimal(38, 18) not null,
    exact decimal(38, 18) not null, run bigint not null);
create table invoice_drafts (
    account_id varchar not null, seller varchar not null, period varchar not null, period_start timestamptz not null,
    period_end timestamptz not null, currency varchar not null, net decimal(38, 18) not null,
    promotional_credit decimal(38, 18) not null, paid_credit decimal(38, 18) not null, tax_rate decimal(9, 4) not null,
    tax decimal(38, 18) not null, due decimal(38, 18) not null, can_issue boolean not null, document varchar not null,
    run bigint not null);
create table closed_months (month varchar not null, closed_until timestamptz not null, run bigint not null);

alter table usage_events set partitioned by (year("timestamp"), month("timestamp"), day("timestamp"));
alter table usage_hourly set partitioned by (year(slice_start), month(slice_start), day(slice_start));
alter table charges set partitioned by (year(slice_start), month(slice_start), day(slice_start));
alter table ledger_entries set partitioned by (year(posted_hour), month(posted_hour), day(posted_hour));
