"""What a bearer token proves to this shop as a resource server (RFC 6750, RFC 9728).

`bearer.py` reads the tokens that the shop issued. With `SHOP_OAUTH_ISSUER` another authorization server issues them:
`external_issuer.py` reads its tokens, `external_grants.py` finds whose authority they carry here.
"""
