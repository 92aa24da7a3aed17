-- A text without white space around it (`trim` alone takes spaces only).
create or replace temp macro bare_text(v) as trim(v, ' ' || chr(9) || chr(10) || chr(13))
