"""Receipts: a human's approval of one exact call.

Owns: the receipt (what was shown, pinned; by whom it may be decided; until when; used once) and its states. Does not
own: running the approved call; only the gateway does, in the transaction that uses the receipt up (invariant I7).
*Confirmation* is the case where the human is the person themselves; a later step adds a second person, and envelopes.
Read next: `receipts.py`, then `shop/tools/gateway.py`.
"""
