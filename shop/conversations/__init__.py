"""Conversations and their turns: the memory of who asked what, in which order, under which delegation.

Owns: the conversation (one person in one organization), its turns and their items, the consent and the delegation of
its assistant, the caps on running turns (`turns.py`), and reading long ones in parts: turns (`history.py`), lists
(`listing.py`). Does not own: talking to a model (`shop.assistant`), running a tool (`shop.tools`), or the record of
effects (`shop.audit`). A conversation's id is a handle and never authorizes anything (invariant I11).
Read next: `models.py`, then `delegation.py` (how an assistant gets its principal).
"""
