"""Bounds towards strangers: how often they may ask, what they make us fetch, and what they claim without proof.

Owns: how often an address, a person, a client or an organization may do something, and where that is counted, so that the load of
one party does not slow down the others; and requests to addresses that a stranger named. No OAuth is in it.
Does not own: how a refusal looks (each endpoint answers in its protocol's own form), how large one request may be (the
endpoint that reads it), or how often expired rows go (`shop.upkeep`).

    addresses.py    who asks, when nobody has signed in: the address that the request came from
    counters.py     the counts: a storage for the library `limits`, in the database
    rate_limits.py  the limits that there are, and the check that each endpoint makes
    safe_fetch.py   fetching what a stranger's address names, without reaching our own network (SSRF)
    egress_proxy.py the way out through an operator's proxy
    unverified_claims.py  the claims of a JWT before its signature is checked

Read next: `rate_limits.py`.
"""
