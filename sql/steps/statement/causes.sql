-- Why runs charged hours anew: the meters of an account whose records they corrected, and those that put a price right ('').
select distinct run, meter, 'corrected' as cause from corrected_events where account_id = $account and run <= $run
union all
select distinct runs.run, '' as meter, 'rerated' as cause
from runs semi join (select job from reratings join runs using (run)) as jobs using (job)
where runs.run <= $run
