"""The model's server: any that speaks OpenAI's Responses API, or the embedded offline model on the same wire.

What a model writes is foreign text: `arguments.py` and `output_items.py` read it, `shop.untrusted` cleans it.

    client.py            the request, and its instructions
    context_size.py      no more is sent than fits
    heartbeat.py         a silent server does not silence the turn
    response_events.py   from the server's events to text and proposed calls; output_items.py puts pieces together
    bounds.py            how much one turn may cost; failures.py: what is said when an answer does not come
"""
