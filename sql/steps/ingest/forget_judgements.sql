-- They are as many as the records: what is needed of them is counted by now.
drop table judgements
