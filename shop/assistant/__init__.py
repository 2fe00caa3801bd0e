"""The in-app assistant: a model that talks and proposes, and a loop that passes every proposal through the gateway.

Owns: the instructions, the wire to the model (openai SDK, or the embedded offline model on the same wire), what of the
past goes to the model again, the loop of a turn, the chat page, which also hosts the shop's own widgets, and the same chat in a
terminal. Does not own: any decision. It reaches the store, the policy and the receipts only through `shop.tools` (import
contracts hold it), and the model never sees a credential.
What the model writes is foreign text: `arguments.py` and `output_items.py` read it, `shop.untrusted` cleans it.

    beginning.py, conversing.py, deciding.py   what begins a turn, in one transaction
    pool.py → turn.py → channel.py             a turn runs in a thread of its own, and its steps go to whoever shows them
    stream.py, writing.py, pace.py             one page's event stream: what is new, at intervals; places.py bounds their number
    memory.py, fitting.py                      what goes to the model, and no more than its bound
    model.py, reading.py, output_items.py      the model's server; failures.py and bounds.py: what ends an answer early

Read next: `turn.py` (the loop, one screen long), `memory.py`, `stream.py`.
"""
