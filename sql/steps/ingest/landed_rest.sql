create or replace temp view landed as select * from landed_unusual
