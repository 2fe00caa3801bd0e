"""The organization's inventory of AI clients: who they are, who answers for them, what they may at most, and how they are stopped.

Owns: every decision of an administrator about a client, and about all assistants at once. Does not own: the rows
(`shop.credentials.agents`), what a registered client is (`shop.oauth.clients`), what a single person allowed to one, and what
ending means (`shop.revocation`). Each decision acts at the client's very next call, which reads its entry again.

    entries.py     a client is registered for the organization, or taken in; the list of them, and their names
    limits.py      what it may: its ceiling, what it is allowed for everybody, whether it may act with no human present
    blocks.py      block and unblock one client; stop all assistants and let them go on
    decisions.py   what these have in common: which entry, whether this administrator may, the record

Read next: `blocks.py`; `tests/revocation/test_grants_that_end.py` shows what a block ends.
"""
