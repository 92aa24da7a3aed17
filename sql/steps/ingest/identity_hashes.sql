-- What tells records apart, for nearly all of them.
select identity_hash from judgements where reason is null
