"""Organizations, people, memberships, and how people prove who they are.

Owns: the organization (tenant) and its SSO connections, people and memberships, provisioning at first sign-in, the
mapping of the identity provider's groups to roles, the OpenID Connect flow, and asking a provider about somebody who is
not there. Does not own: whether a session is alive (`shop.credentials`) or ending one (`shop.revocation`).
Read next: `sign_in.py` (the flow, step by step), then `members.py` and `recheck.py`.
"""
