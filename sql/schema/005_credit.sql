-- What credit may pay for and how it recurs (semantics 4), who granted or voided it, and how far a prepaid account may go below
-- nothing before it is to be suspended. A scope is canonical JSON text; empty, the grant pays for everything.
alter table grants add column scope varchar default '';
alter table grants add column every varchar default '';
alter table grants add column roll_over decimal(38, 18) default 0;
alter table grants add column "by" varchar default '';
alter table accounts add column overdraft_limit decimal(38, 18) default 0;
