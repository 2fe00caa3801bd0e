"""The token endpoint: its steps in `pipeline.py`, and one file for each grant type.

    pipeline.py             the eight steps
    token_grant.py          what a grant type has to fill in
    authorization_code.py   a person allowed it at the consent page
    refresh_token.py        what a person allowed is renewed
    client_credentials.py   no human is present
    token_exchange.py       an access token for a narrower one
    identity_assertion.py   the organization's identity provider asserts who the person is; assertion_checks.py verifies it
    person_grants.py        what those share whose tokens hang below a person's grant
    refusal_record.py       the record of a refused request

A further grant type is a member of `GrantType` (`shop/oauth/grant_types.py`), a file here with its name in the contract in
`pyproject.toml`, a line in `endpoints/token.py`, and a valid request in `tests/oauth/token_requests.py`, which every property of
the endpoint is then tested with.
Read next: `pipeline.py`, then `token_grant.py`, then `client_credentials.py`, which is the shortest grant type.
"""
