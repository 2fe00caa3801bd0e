"""The authorization server: how an external assistant gets authority from a person, and keeps or loses it.

Owns: what the protocol says and when, the signing keys, and what a bearer token proves. Does not own: whether a grant or a token
is alive (`shop.credentials`), who may end it (`shop.revocation`), which clients an organization has (`shop.agents`), how a
person signs in (`shop.identity`, through the door of `shop.access`), or what a tool does: it is told which ones are risky.

    endpoints/           what is asked over HTTP, in the order of the protocol: metadata, register, authorize, consent, token, …
    grants/              the token endpoint's steps, and one file for each grant type
    resource_server/     what a bearer token proves here, also when another authorization server issued it (`SHOP_OAUTH_ISSUER`)
    clients/             what a client is: its metadata, its document at its own address (CIMD), its redirect URIs
    client_authentication.py  who asks; preregistration.py: clients that somebody registered by hand
    authlib_server.py    the edge to Authlib, and the form of every answer and error
    access_token.py, issuer.py, signing_keys.py    what is signed, by whom, with what
    commands.py          `flask oauth …`: what the operator does by hand

What strangers make us fetch or read stands in `shop.guards`.
Read next: `issuer.py`, then `endpoints/` from `authorize.py` on.
"""
