"""The in-app assistant: a model that talks and proposes, and a loop that passes every proposal through the gateway.

Owns: the instructions, the wire to the model (openai SDK, or the embedded offline model on the same wire), what of the
past goes to the model again, the loop of a turn, the chat page, which also hosts the shop's own widgets, and the same chat in a
terminal. Does not own: any decision. It reaches the store, the policy and the receipts only through `shop.tools` (import
contracts hold it), and the model never sees a credential.
What the model writes is foreign text: `arguments.py` and `output_items.py` read it, `shop.untrusted` cleans it.
Read next: `turn.py` (the loop, one screen long), `memory.py`, `stream.py`.
"""
