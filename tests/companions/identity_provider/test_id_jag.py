"""Cross-App Access (ID-JAG): RFC 8693 and draft-ietf-oauth-identity-assertion-authz-grant §4.3, the identity provider's side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shop.companions.identity_provider import CrossAppAccess, ProviderConfig, RefusesToStart
from shop.companions.identity_provider.assistants import read_assistants
from tests.companions.identity_provider.relying import ISSUER, SECRET, SOFIA, Clock, Relying

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
SHOP, RESOURCE = "http://127.0.0.1:5000", "http://127.0.0.1:5000/mcp"
ACCESS = CrossAppAccess(audience=SHOP, resource=RESOURCE, client_id="cli_shop", scopes=("browse", "read"))


@pytest.fixture
def desk(start: Callable[..., Relying], config: ProviderConfig) -> Relying:
    """A provider that lets its first client into the shop."""
    return start(clients=(replace(config.clients[0], access=(ACCESS,)), config.clients[1]))


def exchange(relying: Relying, id_token: str | None, **changes: str | None) -> TestResponse:
    """A good request but for what the test changes; `None` leaves out."""
    asked: dict[str, str | None] = {
        "grant_type": EXCHANGE,
        "requested_token_type": ID_JAG,
        "subject_token": id_token,
        "subject_token_type": ID_TOKEN,
        "audience": SHOP,
        "resource": RESOURCE,
        "client_id": "context-and-co",
        "client_secret": SECRET,
        **changes,
    }
    form = {name: value for name, value in asked.items() if value is not None}
    return relying.app.test_client().post("/token", data=form)


@pytest.mark.holds("EMA-4")
def test_4_3_an_id_token_becomes_an_assertion_for_the_other_application(desk: Relying, clock: Clock) -> None:
    """Issuer, person, application and resource as a pair, the client by its name there, minutes to live, once; `N_A`."""
    answer = exchange(desk, desk.tokens()["id_token"], scope="read transact")
    told: dict[str, Any] = answer.get_json()
    assert (told["issued_token_type"], told["token_type"]) == (ID_JAG, "N_A")
    assert (told["expires_in"], told["scope"]) == (300, "read"), "of what is asked for, what the company allows"
    assert answer.headers["Cache-Control"] == "no-store"
    token = desk.read(told["access_token"])
    assert token.header["typ"] == "oauth-id-jag+jwt" and token.header["alg"] == "RS256"
    said = token.claims
    assert (said["iss"], said["sub"], said["aud"], said["resource"]) == (ISSUER, SOFIA, SHOP, RESOURCE)
    assert (said["client_id"], said["scope"]) == ("cli_shop", "read")
    assert said["exp"] - said["iat"] == 300 and said["auth_time"] == said["iat"]
    assert said["email"] == "sofia.hart@acme.example" and said["groups"] == ["shop-buyers"]
    assert "name" not in said and "nonce" not in said and "sid" not in said
    again = exchange(desk, desk.tokens()["id_token"]).get_json()
    assert desk.read(again["access_token"]).claims["jti"] != said["jti"]
    assert again["scope"] == "browse read"
    metadata = desk.browser.get("/.well-known/openid-configuration").get_json()
    assert metadata["identity_chaining_requested_token_types_supported"] == [ID_JAG]
    assert EXCHANGE in metadata["grant_types_supported"]


BAD: dict[str, tuple[dict[str, str | None], str]] = {
    "no subject_token": ({"subject_token": None}, "invalid_request"),
    "no audience": ({"audience": None}, "invalid_request"),
    "no requested_token_type": ({"requested_token_type": None}, "invalid_request"),
    "an access token wanted": (
        {"requested_token_type": "urn:ietf:params:oauth:token-type:access_token"},
        "invalid_request",
    ),
    "an access token shown": (
        {"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"},
        "invalid_request",
    ),
    "nonsense": ({"subject_token": "a.b.c"}, "invalid_grant"),
    "another audience": ({"audience": "https://other.example"}, "invalid_target"),
    "another resource": ({"resource": "https://other.example/mcp"}, "invalid_target"),
    "audience and resource swapped": ({"audience": RESOURCE, "resource": SHOP}, "invalid_target"),
    "no scope that is allowed": ({"scope": "transact"}, "invalid_scope"),
    "a wrong secret": ({"client_secret": "wrong"}, "invalid_client"),
    "no secret": ({"client_secret": None}, "invalid_client"),
    "a client that the company lets nowhere": (
        {"client_id": "other", "client_secret": "other-secret"},
        "invalid_target",
    ),
}


@pytest.mark.holds("EMA-7.6.1", "EMA-7.7")
def test_7_6_1_a_request_that_the_company_does_not_allow_is_refused(desk: Relying) -> None:
    """Unknown pairs, other kinds of tokens, and clients that prove nothing."""
    id_token = desk.tokens()["id_token"]
    for what, (changes, error) in BAD.items():
        answer = exchange(desk, id_token, **changes)
        assert (answer.status_code, answer.get_json()["error"]) == (401 if error == "invalid_client" else 400, error), (
            what
        )
    assert exchange(desk, id_token, resource=None).status_code == 200, "the one that goes with the audience"


def test_4_3_3_only_the_clients_own_fresh_id_token_of_a_living_sign_in(
    desk: Relying, start: Callable[..., Relying], config: ProviderConfig, clock: Clock
) -> None:
    """Not another client's, not an assertion, not an expired one, not after signing out, not of somebody who left."""
    both = start(clients=tuple(replace(client, access=(ACCESS,)) for client in config.clients))
    id_token = both.tokens()["id_token"]
    stolen = exchange(both, id_token, client_id="other", client_secret="other-secret")
    assert stolen.get_json()["error"] == "invalid_grant"
    assertion = exchange(both, id_token).get_json()["access_token"]
    assert exchange(both, assertion).get_json()["error"] == "invalid_grant"
    clock.move(minutes=6)
    assert exchange(both, id_token).get_json()["error"] == "invalid_grant"

    id_token = both.tokens()["id_token"]
    left = start(
        clients=both.app.extensions["identity_provider"].config.clients,
        directory=replace(config.directory, people=tuple(one for one in config.directory.people if one.sub != SOFIA)),
    )
    assert exchange(left, id_token).get_json()["error"] == "invalid_grant", "who is off-boarded is nobody here"
    assert exchange(both, id_token).status_code == 200
    both.app.extensions["identity_provider"].store.end_session(both.read(id_token).claims["sid"])
    assert exchange(both, id_token).get_json()["error"] == "invalid_grant"


def test_assistants_are_read_from_a_file_that_a_person_edits(tmp_path: Path, config: ProviderConfig) -> None:
    """The example in the module works as it stands; a broken file is explained at start; none is no assistants."""
    file = tmp_path / "acme-assistants.toml"
    assert read_assistants(file) == ()
    example = str(read_assistants.__globals__["__doc__"]).split("\n\n")
    file.write_text("\n\n".join(part for part in example if part.startswith("    ")).replace("\n    ", "\n").strip())
    with pytest.raises(RefusesToStart, match=r"acme-desk\.secret"):
        read_assistants(file)
    (tmp_path / "acme-desk.secret").write_text("a secret\n")
    (client,) = read_assistants(file)
    assert (client.client_id, client.client_secret, client.name) == ("acme-desk", "a secret", "Acme Desk")
    assert client.access[0].resource == "http://localhost:5000/mcp" and client.access[0].scopes == ("browse", "read")
    assert replace(config, clients=(client,)).client("acme-desk") is client
    for broken in ("[[assistant", '[[assistant]]\nclient_id = "x"', "assistant = 7"):
        file.write_text(broken)
        with pytest.raises(RefusesToStart, match=r"acme-assistants\.toml cannot be used"):
            read_assistants(file)
