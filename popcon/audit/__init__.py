"""In: a policy, and the numbers of a hub. Out: how many processes an onlooker can read back, by attack."""
