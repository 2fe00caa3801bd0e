"""One file per grant type of the token endpoint, each a subclass of Authlib's that fills only what is its own.

What all of them share, issuing, stands once in `issuing.py`. A further grant (client credentials, token exchange, ID-JAG) is
another file here and another line in `token.py`. Read next: `authorization_code.py`.
"""
