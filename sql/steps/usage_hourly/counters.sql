create or replace temp table counters as select meter, series from meters_to_use where aggregation = 'counter'
