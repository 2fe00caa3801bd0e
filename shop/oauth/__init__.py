"""The authorization server: how an external assistant gets authority from a person, and keeps or loses it.

Owns: what the protocol says and when (metadata, clients, the authorization and token endpoints, one file per grant in
`grants/`, revocation, introspection), the signing keys, and what a bearer token proves (`bearer.py`, asked by `shop.mcp`).
Does not own: whether a grant or a token is alive (`shop.credentials`), who may end it (`shop.revocation`), how a
person signs in (`shop.identity`, through the door of `shop.access`), or what a tool does: it is told which ones are risky.

    /.well-known/…          metadata.py       what there is, for machines (RFC 8414, RFC 9728)
    /oauth/jwks             keys.py           the public keys, and their rotation
    /oauth/register         registration.py   dynamic registration (RFC 7591); clients.py, cimd.py: the other two ways
    /oauth/authorize        authorize.py      verify the request; questions.py: what the person is asked
    /oauth/consent          consent.py        the person's answer, once
    /oauth/token            token.py          one file per grant type in grants/; identity_assertions.py, inventory.py
    /oauth/revoke           revoke.py         RFC 7009
    /oauth/introspect       introspect.py     RFC 7662

Read next: `issuer.py`, then `authorize.py` and follow the table downwards.
"""
