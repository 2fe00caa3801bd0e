"""The cascade: what ends what, in one transaction (design §9).

Owns: ending sessions and grants, suspending and restoring memberships, blocking clients, and everything that goes with it:
delegations, tokens, running turns, open receipts. Does not own: the ledger it changes (`shop.credentials`), or pausing an assistant, which ends nothing
(`shop.conversations`). After the commit no call succeeds in any process, because every call reads the ledger again
inside its own transaction (invariants I8, I9).
Read next: `cascade.py`; `tests/revocation/` walks the table of design §9.
"""
