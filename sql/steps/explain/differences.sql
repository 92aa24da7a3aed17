-- The differences that runs appended for one slice: they add up to what stands.
select run, began_at, command, reason, "by", quantity_delta as quantity, amount_delta as amount
from charges left join runs using (run)
left join (select job, reason, "by" from reratings join runs using (run)) as reratings using (job)
where charges.run <= $run and account_id = $account_id and slice_start = $slice_start and service_id = $service_id
  and resource_id = $resource_id and meter = $meter and dimensions = $dimensions and plan = $plan and price_id = $price_id
  and version = $version and subscription_id = $subscription_id and kind = $kind
order by run
