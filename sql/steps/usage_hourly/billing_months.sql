create or replace temp table billing_months as select time_zone, period_start, period_end from months_to_use
