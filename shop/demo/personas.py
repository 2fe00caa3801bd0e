"""The people of the demonstration, and how one of them signs in without a browser.

The steps are those of a browser, over the same HTTP: the e-mail, the provider's pages, the pick, the callback. Nothing is
skipped (invariant I15): what comes of it is a session like any other, and it is the provider that says who this is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from shop.demo.seeding import Seed
from shop.identity.admission import Admitted
from shop.identity.providers import SignInError
from shop.identity.sign_in import SignIn

_USER_AGENT = "Context & Co. in a terminal"
_TIMEOUT = 10
"""Seconds until a provider's page that does not come is given up."""


class UnknownPersona(Exception):
    """Nobody of the demonstration is called that; the message lists who there is."""


class CannotSignIn(Exception):
    """The sign-in did not come to its end; the message is for the person."""


def find(seed: Seed, name: str) -> dict[str, str]:
    """The person with this e-mail or given name. Raises `UnknownPersona`."""
    people, wanted = seed.people(), name.strip().lower()
    found = [p for p in people if wanted in {p["email"], p["name"].lower(), p["name"].lower().split()[0]}]
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"  {p['email']:<28} {p['organization']}: {p['line']}" for p in found or people)
    problem = f"Several people are called {name!r}" if found else f"Nobody here is called {name!r}"
    raise UnknownPersona(f"{problem}. There are:\n{listed}")


def sign_in(flow: SignIn, email: str, *, presenter_code: str = "") -> Admitted:
    """Sign in as a person of an embedded identity provider. Raises `CannotSignIn`.

    The presenter code is the one of the settings: whoever can read those may know it.
    """
    try:
        begun = flow.begin(email, "/")
        callback = _callback_of_provider(begun.url, email, presenter_code)
        done = flow.complete(callback, begun.browser, _USER_AGENT)
    except SignInError as error:
        raise CannotSignIn(f"{error.title}. {error.text}") from error
    except requests.RequestException as error:
        raise CannotSignIn("The identity provider does not answer at the moment. Try again in a minute.") from error
    if not isinstance(done, Admitted):
        raise CannotSignIn("The identity provider wants to ask for consent. Sign in with a browser once.")
    return done


def _callback_of_provider(url: str, email: str, presenter_code: str) -> dict[str, str]:
    """Go to the provider and pick a person there. Returns what it answers to the callback."""
    with requests.Session() as browser:
        browser.trust_env = False  # the provider is on this machine, or was configured: no proxy is asked
        page = browser.get(url, timeout=_TIMEOUT)
        form = _form_in(page)
        if form.asks_for == "presenter_code":
            given = {form.asks_for: presenter_code}
            page = browser.post(urljoin(page.url, form.action), data=given, timeout=_TIMEOUT)
            form = _form_in(page)
        card = next((button for button in form.buttons if email in button.text.lower().split()), None)
        if card is None:
            raise CannotSignIn(f"The identity provider does not know {email}.")
        picked = {card.name: card.value}
        answer = browser.post(urljoin(page.url, form.action), data=picked, timeout=_TIMEOUT, allow_redirects=False)
        return dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query))


def _form_in(page: requests.Response) -> _Form:
    form = _Form()
    form.feed(page.text)
    if not page.ok or not form.action:
        raise CannotSignIn("The identity provider did not show its sign-in page. Please start again.")
    return form


@dataclass
class _Button:
    """A button of a form: what it sends, and what is written on it."""

    name: str
    value: str
    text: str = ""


@dataclass
class _Form(HTMLParser):
    """The form of a provider's page."""

    action: str = ""
    asks_for: str = ""
    buttons: list[_Button] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._is_in_button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self.action = attributes.get("action", "")
            case "input":
                self.asks_for = attributes.get("name", "")
            case "button":
                self.buttons.append(_Button(attributes.get("name", ""), attributes.get("value", "")))
                self._is_in_button = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_button = self._is_in_button and tag != "button"

    def handle_data(self, data: str) -> None:
        if self._is_in_button:
            self.buttons[-1].text += data
