"""One file per grant type of the token endpoint, each a subclass of Authlib's that fills only what is its own.

What all of them share, issuing, stands once in `issuing.py`. In the first two a person was asked (`authorization_code.py`,
`refresh_token.py`); in the others nobody is, so the client proves who it is: `identity_assertion.py` (the organization
decided), `client_credentials.py` (no human is present), `token_exchange.py` (less of what the client has). A further grant is
another file here and another line in `endpoints/token.py`. Read next: `authorization_code.py`.
"""
