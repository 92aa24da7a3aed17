-- What is known of a message besides whether it got through: who gave up on it and why, and which addresses have it already.
alter table deliveries add column reason varchar default '';
alter table deliveries add column "by" varchar default '';
alter table deliveries add column taken_by varchar default '';
-- A cache: the alerts that did not get through on a channel, as of some run, with what was tried. Alerts of runs before
-- `alert_run` of the row under no name that are not here are done with.
create table waiting_alerts (
    alert_id varchar not null, channel varchar, alert_run bigint not null, account_id varchar, rule_id varchar, kind varchar,
    period varchar, state varchar, reason varchar, turn bigint, place bigint, currency varchar, value decimal(38, 18),
    threshold decimal(38, 18), setting decimal(38, 18), hour timestamptz, attempts bigint, error varchar, taken_by varchar,
    first_failed_at timestamptz, due_at timestamptz, run bigint not null)
