"""The company's directory: its name and colours, its people and their groups, read from one TOML file.

A person can edit that file; what is wrong with it is said in a sentence, at start, never during a sign-in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,30}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
MARKS = frozenset({"initial", "orbit", "peaks"})
"""The company marks that the sign-in page can draw (`templates/marks/`)."""


class DirectoryError(ValueError):
    """The directory file makes no sense; the message says where."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person of the company, as the company knows them."""

    sub: str
    """Stable and never reassigned, and not derived from the e-mail, which may change (OpenID Core §2)."""
    email: str
    name: str
    given_name: str
    family_name: str
    groups: tuple[str, ...]
    role: str
    """The groups in words, for the card."""
    story: str
    cannot: str
    """One thing that this person may not do in the shop; continues the words "Cannot …"."""

    @property
    def initials(self) -> str:
        return self.given_name[:1] + self.family_name[:1]


@dataclass(frozen=True, kw_only=True)
class Directory:
    """One company: how it looks and who works there."""

    slug: str
    name: str
    domain: str
    tagline: str
    accent: str
    """`#rrggbb`, dark enough for white text on it."""
    accent_dark: str
    """`#rrggbb`, the accent where the page is dark: light enough for dark text on it."""
    mark: str
    people: tuple[Person, ...]

    @classmethod
    def load(cls, path: Path) -> Directory:
        """Read the file.

        Raises `DirectoryError` on anything missing, malformed or ambiguous, and `OSError` if it cannot be read.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise DirectoryError(f"{path.name} is not TOML: {error}") from error
        try:
            return cls._from_data(data)
        except DirectoryError as error:
            raise DirectoryError(f"{path.name}: {error}") from error

    @classmethod
    def _from_data(cls, data: dict[str, Any]) -> Directory:
        group_names = data.get("groups", {})
        directory = cls(
            slug=_matching(_SLUG, _text(data, "slug")),
            name=_text(data, "name"),
            domain=_text(data, "domain"),
            tagline=_text(data, "tagline"),
            accent=_matching(_COLOUR, _text(data, "accent")),
            accent_dark=_matching(_COLOUR, _text(data, "accent_dark")),
            mark=data.get("mark", "initial"),
            people=tuple(_person(entry, group_names) for entry in data.get("people", [])),
        )
        if directory.mark not in MARKS:
            raise DirectoryError(f"mark must be one of {', '.join(sorted(MARKS))}, not {directory.mark!r}")
        if not directory.people:
            raise DirectoryError("it has no [[people]]")
        _unique("sub", (person.sub for person in directory.people))
        _unique("email", (person.email for person in directory.people))
        for person in directory.people:
            # The shop finds the provider by the e-mail's domain; a provider must not speak for another's domain.
            if not person.email.endswith(f"@{directory.domain}"):
                raise DirectoryError(f"{person.email} is not an address of {directory.domain}")
        return directory

    def person(self, sub: str) -> Person | None:
        """The person with this subject identifier, if they (still) work here."""
        return next((person for person in self.people if person.sub == sub), None)

    def person_by_email(self, email: str) -> Person | None:
        """The person whom a `login_hint` means, whatever its capitals."""
        return next((person for person in self.people if person.email == email.strip().lower()), None)


def _person(entry: dict[str, Any], group_names: dict[str, str]) -> Person:
    groups = tuple(entry.get("groups", []))
    unknown = [group for group in groups if group not in group_names]
    if unknown:
        raise DirectoryError(f"{entry.get('email')} is in {', '.join(unknown)}, which [groups] does not name")
    return Person(
        sub=_text(entry, "sub"),
        email=_text(entry, "email").lower(),
        name=_text(entry, "name"),
        given_name=_text(entry, "given_name"),
        family_name=_text(entry, "family_name"),
        groups=groups,
        role=", ".join(group_names[group] for group in groups) or "In no group",
        story=_text(entry, "story"),
        cannot=_text(entry, "cannot"),
    )


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise DirectoryError(f"{key} is missing" + (f" for {data['email']}" if "email" in data else ""))
    return value


def _matching(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise DirectoryError(f"{value!r} does not look like {pattern.pattern}")
    return value


def _unique(field: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise DirectoryError(f"{field} {value} appears twice")
        seen.add(value)
