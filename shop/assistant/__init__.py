"""The in-app assistant: a model that talks and proposes, and a loop that passes every proposal through the gateway.

Owns: the chat page and the same chat in a terminal, what begins a turn, the loop of a turn, what of the past goes to the model
again, and the wire to the model (openai SDK, or the embedded offline model on the same wire). Does not own: any decision. It
reaches the store, the policy and the receipts only through `shop.tools` (import contracts hold it), and the model never sees a
credential.

A message passes the rooms from the top to the bottom:

    web/        the chat in a browser: routes, page, event stream, cards
    terminal/   the chat in a terminal (`flask chat`)
    turn/       what begins a turn, the decisions of its person, and the loop that runs it
    model/      the model's server: the request, its events, and what ends an answer early

Read next: `turn/loop.py` (the loop, one screen long).
"""
