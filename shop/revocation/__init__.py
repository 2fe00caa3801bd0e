"""The cascade: what ends what, in one transaction (design §9).

Owns: ending sessions, grants and conversations, narrowing grants, suspending and restoring memberships, and everything that goes
with it: delegations, tokens, running turns, open receipts. Does not own: the ledger it changes (`shop.credentials`), an
administrator's decisions about clients (`shop.agents`, which call `ending.py`), or a person's pausing of their own assistants,
which ends nothing (`shop.conversations`). After the commit no call succeeds in any process, because every call reads the ledger again
inside its own transaction (invariants I8, I9).
Read next: `cascade.py` (who may, and why) and `providers.py` (when an identity provider takes its word back), then `ending.py` (what ending means); `tests/revocation/` walks the table of design §9.
"""
