"""Writes the record, and decides nothing.

Owns: the vocabulary of events (`events.py`), the only writer (`writer.py`), the recorder of refusals, which counts floods
(`denials.py`, on the counters of `denial_windows.py`), the hash chains and their verification (`chain.py`, `verification.py`),
and what readers ask (`queries.py`). Does not own: what happened (whoever calls `record` does, in the same transaction as the
effect, invariant I5), nor who may read it (`shop.authorization`, asked by `shop.admin`).
Personal values stand beside the event; the event holds only salted commitments to them, so that a chain survives an erasure.
Read next: `events.py`, then `writer.py`, then `denials.py`.
"""
