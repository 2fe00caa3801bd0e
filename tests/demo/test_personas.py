"""Signing in without a browser: the provider's pages are walked as a browser would, and nothing of them is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shop import create_app
from shop.access import person_behind
from shop.demo import personas
from shop.demo.personas import CannotSignIn, UnknownPersona
from shop.demo.seeding import Seed
from shop.secret_files import kept_secret
from shop.services import Services
from shop.settings import ROOT, Settings
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import ServedProvider, serve_provider
from tests.support.state import ONE_ENGINE

CODE = "a code for the stage"


@pytest.fixture
def guarded(data_dir: Path, tmp_path: Path) -> Iterator[ServedProvider]:
    """Acme's provider, which asks for a presenter code."""
    served = serve_provider("acme", tmp_path, kept_secret(data_dir / "acme.client_secret"), presenter_code=CODE)
    yield served
    served.stop()


@pytest.mark.parametrize("name", [SOFIA, "sofia", "Sofia", "sofia hart", " SOFIA.HART@acme.example "])
def test_a_person_is_found_by_address_or_name(name: str) -> None:
    """However one writes it: the e-mail, the given name, the whole name."""
    assert personas.find(Seed(ROOT / "seed_data", str), name)["email"] == SOFIA


@pytest.mark.parametrize("name", ["bob", "", "hart", "acme.example", "sofia@acme.example"])
def test_an_unknown_name_lists_who_there_is(name: str) -> None:
    """Nobody is guessed: the message lists every person with their story."""
    with pytest.raises(UnknownPersona, match=r"(?s)Nobody here is called.*sofia\.hart@acme\.example.*greta\.olsen"):
        personas.find(Seed(ROOT / "seed_data", str), name)


@pytest.mark.holds("I15")
@ONE_ENGINE
def test_signing_in_makes_a_session_like_any_other(shop: ShopUnderTest) -> None:
    """A real session of that person, with its event in the organization's chain; it names the terminal."""
    admitted = personas.sign_in(shop.services.sign_in, SOFIA)
    with shop.app.app_context():
        person = person_behind(admitted.token)
    assert person and (person.email, person.organization_name) == (SOFIA, "Acme")
    events = [event for event in shop.chain(person.principal.organization) if event.name == "sign_in.succeeded"]
    assert [event.content["session"] for event in events] == [person.principal.session]


@pytest.mark.holds("I15")
@ONE_ENGINE
def test_a_presenter_code_is_asked_for_and_must_be_right(settings: Settings, guarded: ServedProvider) -> None:
    """A provider that asks for the code gets the one of the settings; a wrong one signs nobody in."""
    issuer = f"http://127.0.0.1:{guarded.port}"
    app = create_app(replace(settings, presenter_code=CODE), seed=Seed(ROOT / "seed_data", lambda _index: issuer))
    services: Services = app.extensions["shop"]
    assert personas.sign_in(services.sign_in, SOFIA, presenter_code=CODE).given_name == "Sofia"
    for wrong in ("", "another code"):
        with pytest.raises(CannotSignIn, match="did not show its sign-in page"):
            personas.sign_in(services.sign_in, SOFIA, presenter_code=wrong)
    services.database.dispose()


@ONE_ENGINE
def test_what_goes_wrong_is_a_sentence(settings: Settings, guarded: ServedProvider) -> None:
    """A provider that does not answer, and an address that it does not know."""
    issuer = f"http://127.0.0.1:{guarded.port}"
    app = create_app(settings, seed=Seed(ROOT / "seed_data", lambda _index: issuer))
    services: Services = app.extensions["shop"]
    with pytest.raises(CannotSignIn, match=r"does not know nobody@acme\.example"):
        personas.sign_in(services.sign_in, "nobody@acme.example", presenter_code=CODE)
    guarded.stop()
    with pytest.raises(CannotSignIn, match=r"\. .*again in a minute"):
        personas.sign_in(services.sign_in, SOFIA, presenter_code=CODE)
    services.database.dispose()
