"""Pages for administrators and auditors: the audit of conversations, the organization's trail, its people.

Owns: routes, and the translation of audit events into a timeline. Does not own: the record (`shop.audit`), or who may see
it: each page asks `shop.authorization` for the resource it shows, and a view by somebody else than its person is recorded.
Read next: `audit.py`, `timeline.py`.
"""
