-- What stands as refused, by reason: the newest judgement of each record.
select reason, count(*) as records
from (from rejected_events qualify row_number() over (partition by source, file, "row", meter order by run desc) = 1)
where reason not in ('accepted', 'duplicate')
group by reason order by records desc, reason
