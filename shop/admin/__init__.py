"""Pages for administrators and auditors: the audit of conversations, the organization's trail, its people.

Owns: routes, the translation of audit events into a timeline, the filters of lists (`filters.py`), and what a page says of a
chain that it recomputed (`verifying.py`). Does not own: the record (`shop.audit`), or who may see
it: each page asks `shop.authorization` for the resource it shows, and a view by somebody else than its person is recorded.
Read next: `audit.py` (one conversation), `trails.py` (the lists, and the organization's trail), `timeline.py`.
"""
