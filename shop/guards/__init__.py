"""Rate limits, so that the load of one party does not slow down the others.

Owns: how often an address, a person, a client or an organization may do something, and where that is counted.
Does not own: how a refusal looks (each endpoint answers in its protocol's own form), how large one request may be (the
endpoint that reads it), or how often expired rows go (`shop.upkeep`).

    addresses.py    who asks, when nobody has signed in: the address that the request came from
    counters.py     the counts: a storage for the library `limits`, in the database
    rate_limits.py  the limits that there are, and the check that each endpoint makes

Read next: `rate_limits.py`.
"""
