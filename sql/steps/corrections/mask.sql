-- A temporary view goes before the lake's table in every statement that names it.
create or replace temp view usage_events as from counted_events
