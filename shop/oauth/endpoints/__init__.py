"""The endpoints, in the order in which a client meets them.

    /.well-known/…      metadata.py          what there is, for machines (RFC 8414, RFC 9728); /oauth/jwks: the public keys
    /oauth/register     register.py          a client registers itself (RFC 7591)
    /oauth/authorize    authorize.py         authorization_request.py: is it valid? consent_request.py: what the person is asked
    /oauth/consent      consent.py           the person's answer, once
    /oauth/token        token.py             the steps are in `shop.oauth.grants.pipeline`
    /oauth/revoke       revoke.py            RFC 7009; presented_token.py: whose token is it? calling_client.py: who asks?
    /oauth/introspect   introspect.py        RFC 7662
    /assistants/…/widen widen.py             a person allows more, without being asked (the page: shop.storefront)

`refused_page.py` is what a person sees where the answer must not go to a client.
"""
