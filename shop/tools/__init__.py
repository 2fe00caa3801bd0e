"""The one door, and what is behind it.

Owns: the declaration of a tool (`tool.py`), one module of tools for each workflow (`browse.py`, `read.py`, `transact.py`,
`administer.py`), their registry, and the gateway through which every call passes, whoever makes it: the in-app assistant, an
external assistant, or a person's click. Beside it, what pages ask without a call (`questions.py`), what a person answers besides
a yes (`answers.py`), what may be told of a result (`views/`), and how hosts of assistants are given it (`hosted.py`, `widgets.py`).
Does not own: the shop's state (`shop.store`), the decision (`shop.authorization`), the record (`shop.audit`), or how a call gets
here (`shop.assistant`, `shop.storefront`, `shop.mcp`).
Read `gateway.py` first.
"""
