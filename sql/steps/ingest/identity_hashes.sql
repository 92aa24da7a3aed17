-- What tells records apart, for nearly all of them: a part of the hashes, so that no more of them are held than fit. (As
-- numbers of one type: the remainder by a signed number is worked out in 128 bits, and takes a hundred times as long.)
select identity_hash from judgements
where reason is null and ($parts = 1 or identity_hash % $parts::ubigint = $part::ubigint)
