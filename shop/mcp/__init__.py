"""The MCP endpoint: how an external assistant comes to the one door.

Owns: the protocol in both its eras, as JSON without streams, at `/mcp`. Does not own: who the caller is (`shop.oauth`), what
may be done (`shop.tools.gateway`, through which every call and every read passes), what a conversation is
(`shop.conversations.external`), and the page on which a person confirms (`shop.storefront.approval`).

    endpoint.py        HTTP: Host, Origin, bearer token, media types, size; from a body to an answer (`/mcp`, the only route)
    wire.py            JSON-RPC: one message in, a result or an error out
    handshake.py       the era of 2025-06-18 and 2025-11-25: initialize, sessions
    stateless.py       the era of 2026-07-28: each request says everything itself, and headers agree with the body
    exchange.py        the request, alike for both eras; and what a handler may use of the shop
    methods.py         from a method's name to its handler
    tools.py           list and call; definitions.py derives the schemas; shop.tools.results.for_hosts says results in 4 KB
    resources.py       products and the person's orders; prompts.py; completion.py
    widgets.py         the pages in which a host may show a result; about.py: what the server says of itself
    elicitation.py     what waits for the person: a page of the shop, never a form in the client
    choices.py         which colour, which size: the only thing that is asked by a form
    request_state.py   what a client keeps between a question and its retry; sealing.py: how that, and its session, are sealed
    refusals.py        challenges: what a client can do about a refusal
    guest.py           who an anonymous client is, where a deployment allows one

Read next: `endpoint.py`.
"""
