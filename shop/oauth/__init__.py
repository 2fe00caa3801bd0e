"""The authorization server: how an external assistant gets authority from a person, and keeps or loses it.

Owns: what the protocol says and when, the signing keys, and what a bearer token proves. Does not own: whether a grant or a token
is alive (`shop.credentials`), who may end it (`shop.revocation`), which clients an organization has (`shop.agents`), how a
person signs in (`shop.identity`, through the door of `shop.access`), or which tools are risky (handed to the `Issuer`).

From the top down; each imports only what stands below it:

    endpoints/                the HTTP endpoints, in the order of the protocol: metadata, register, authorize, consent, token, …
    grants/                   the eight steps of the token endpoint, and one file for each grant type
    resource_server/          what a bearer token proves here, also when another authorization server issued it (`SHOP_OAUTH_ISSUER`)
    preregistration.py        clients that somebody registered by hand
    client_authentication.py  how a client proves that it is itself
    parameters.py             what a client sent, each parameter once
    responses.py              the form of each answer and error
    clients/                  what a client is: its metadata, its document at its own address (CIMD), its redirect URIs
    access_token.py           what an access token says: signed and verified
    issuer.py                 who this authorization server is, and what it works with
    signing_keys.py           its keys
    grant_types.py            the grant types that there are

Authlib validates authorization requests, derives code challenges, reads clients' names and secrets, and names the protocol's errors;
its client side signs people in (`shop.identity.oidc`), on the JOSE library that signs and verifies here too. Its authorization server
and grant types do not answer at the token endpoint: they authenticate, query, issue and save in two calls, without a place for what
is asked over HTTP and for locks, and they leave narrowing and recording to each grant type.

Besides: `commands.py`, `flask oauth …`. What strangers make us fetch or read stands in `shop.guards`.
Read next: `issuer.py`, then `endpoints/` from `authorize.py` on; for tokens `grants/pipeline.py`.
"""
