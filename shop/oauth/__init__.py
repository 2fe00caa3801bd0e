"""The authorization server: how an external assistant gets authority from a person, and keeps or loses it.

Owns: what the protocol says and when (metadata, clients, the authorization and token endpoints, one file per grant in
`grants/`, revocation, introspection), the signing keys, and what a bearer token proves (`bearer.py`, asked by `shop.mcp`).
Does not own: whether a grant or a token is alive (`shop.credentials`), who may end it (`shop.revocation`), how a
person signs in (`shop.identity`, through the door of `shop.access`), or what a tool does: it is told which ones are risky.

    /.well-known/…      metadata.py          what there is, for machines (RFC 8414, RFC 9728)
    /oauth/jwks         metadata.py          the public keys; keys.py: where they are kept, and how they are rotated
    /oauth/register     registration.py      a client registers itself (RFC 7591). The other two ways to be known:
                                             preregistration.py (by hand), cimd.py (a document at its own address)
    /oauth/authorize    authorize.py         is the request good? redirects.py: where its answer may go;
                                             questions.py: what the person is asked
    /oauth/consent      consent.py           the person's answer, once
    /assistants/…/widen widening.py          a person allows more, without being asked (the page: shop.storefront)
    /oauth/token        token.py             client_authentication.py: who asks; then one file per grant type in grants/
    /oauth/revoke       revoke.py            RFC 7009; held.py: whose token is it? known_clients.py: whose client?
    /oauth/introspect   introspect.py        RFC 7662
    flask oauth …       commands.py          what the operator does by hand

What they share: `issuer.py` (who we are), `protocol.py` (the edge to Authlib, and every answer and error), `clients.py` and
`client_metadata.py` (what a client is), `access_tokens.py`, `inventory.py` (which clients an organization has, and may act alone).
Towards strangers: `unverified.py` (what they send), `fetching.py` (what they make us fetch), `egress.py` (through a proxy), and
`shop.guards` (how often).

Where an operator brings their own authorization server (`SHOP_OAUTH_ISSUER`), `bearer.py` asks `external_issuer.py` and
`external_grants.py` instead, and of the routes only the protected resource's metadata is left.

Read next: `issuer.py`, then `authorize.py` and follow the table downwards.
"""
