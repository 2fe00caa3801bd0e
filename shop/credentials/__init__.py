"""The ledger of live authority.

Owns: which organization, membership, session, delegation, client, grant and token is alive, on what each hangs, what each may
at most (roles, scopes, order limit), and until when. Ending one ends everything below it, in one statement.
Does not own: who people are (`shop.identity`), what a role may do (`shop.authorization`), or the record of
a change (`shop.audit`, written by `shop.revocation` and `shop.conversations`, which call this package).
Read next: `ledger.py` (`live` is invariant I8), then `shop/authorization/`.
"""
