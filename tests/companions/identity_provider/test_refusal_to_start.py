"""A provider that lets anyone in as anyone does not start where others can reach it, nor with a broken directory."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shop.companions.identity_provider import Client, Directory, ProviderConfig, RefusesToStart, create_app
from shop.companions.identity_provider.__main__ import main
from shop.companions.identity_provider.config import default_issuer
from shop.companions.identity_provider.directory import DirectoryError
from tests.companions.identity_provider.relying import SEED, Clock


def public_client() -> Client:
    return Client(
        client_id="c", client_secret="s" * 20, name="C", redirect_uris=("https://shop.example/sign-in/callback",)
    )


@pytest.mark.parametrize(
    "reachable",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "192.0.2.10"},
        {"host": "localhost.evil.example"},
        {"issuer": "https://idp.acme.example"},
        {"issuer": "http://127.0.0.1.evil.example:5001"},
        {"clients": (public_client(),)},
    ],
)
def test_a_reachable_provider_refuses_to_start_unless_a_presenter_code_guards_it(
    config: ProviderConfig, reachable: dict[str, Any]
) -> None:
    """Where it listens, where it says it is, and the applications it opens all count."""
    with pytest.raises(RefusesToStart, match="lets anyone in as anyone"):
        replace(config, **reachable)
    replace(config, presenter_code="stage-light", **reachable)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_it_starts(config: ProviderConfig, host: str) -> None:
    """Only this machine can reach it there."""
    replace(config, host=host, issuer=default_issuer(host, 5001))


@pytest.mark.parametrize(
    "bad",
    [
        {"issuer": "127.0.0.1:5001"},
        {"issuer": "http://127.0.0.1:5001/"},
        {"issuer": "http://127.0.0.1:5001?x"},
        {"presenter_code": "short"},
        {"clients": (Client(client_id="c", client_secret="", name="C", redirect_uris=()),)},
        {"clients": (Client(client_id="c", client_secret="s", name="C", redirect_uris=("/callback",)),)},
        {"clients": (Client(client_id="c", client_secret="s", name="C", redirect_uris=("http://127.0.0.1/#x",)),)},
    ],
)
def test_a_configuration_that_cannot_work_is_refused_at_start(config: ProviderConfig, bad: dict[str, Any]) -> None:
    """Not in the middle of the first sign-in."""
    with pytest.raises(RefusesToStart):
        replace(config, **bad)


def test_a_wildcard_address_is_no_issuer() -> None:
    """A browser cannot go to 0.0.0.0, and a token's `iss` must be exact."""
    with pytest.raises(RefusesToStart, match="--issuer"):
        default_issuer("0.0.0.0", 5001)


def test_the_command_line_says_why_it_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence on standard error and exit code 2; nothing is written to the data directory."""
    secret = tmp_path / "secret"
    secret.write_text("s" * 20)
    arguments = ["--directory", str(SEED / "acme.toml"), "--data-dir", str(tmp_path / "data"), "--port", "5001"]
    arguments += ["--client-id", "c", "--client-secret-file", str(secret)]
    arguments += ["--redirect-uri", "http://127.0.0.1:5000/sign-in/callback"]
    assert main([*arguments, "--host", "0.0.0.0", "--issuer", "http://127.0.0.1:5001"]) == 2
    assert "lets anyone in as anyone" in capsys.readouterr().err
    assert main([*arguments, "--directory", str(tmp_path / "missing.toml")]) == 2
    assert not (tmp_path / "data").exists()


def test_the_signing_key_is_for_its_owner_only_and_no_secret_shows_in_a_repr(
    config: ProviderConfig, clock: Clock, tmp_path: Path
) -> None:
    """The key file has mode 0600; a configuration may be printed."""
    fresh = replace(config, data_dir=tmp_path / "fresh" / "acme")
    create_app(fresh, clock=clock)
    key = fresh.data_dir / "acme-signing-key.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    guarded = replace(config, presenter_code="stage-light")
    assert config.clients[0].client_secret not in repr(guarded)
    assert "stage-light" not in repr(guarded)


@pytest.mark.parametrize("company", ["acme", "globex"])
def test_the_seeded_directories_load_and_their_colours_can_be_read(company: str) -> None:
    """WCAG AA: white on the accent, dark text on the accent of the dark page, and both as text on their cards."""
    directory = Directory.load(SEED / f"{company}.toml")
    assert directory.slug == company
    assert contrast(directory.accent, "#ffffff") >= 4.5
    assert contrast(directory.accent_dark, "#0e1214") >= 4.5
    assert contrast(directory.accent_dark, "#191d21") >= 4.5


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('slug = "acme"', 'slug = "../acme"', "does not look like"),
        ('accent = "#0b5563"', 'accent = "red;}"', "does not look like"),
        ('mark = "peaks"', 'mark = "../../x"', "mark must be one of"),
        ('name = "Sofia Hart"', "", "name is missing for sofia.hart@acme.example"),
        ('"acme-10562"', '"acme-10417"', "sub acme-10417 appears twice"),
        ("noah.lind@acme", "sofia.hart@acme", "email sofia.hart@acme.example appears twice"),
        ("noah.lind@acme.example", "noah.lind@globex.example", "is not an address of acme.example"),
        ('["shop-buyers"]', '["shop-kings"]', r"shop-kings, which \[groups\] does not name"),
        ("[groups]", "[groups", "is not TOML"),
        ("[[people]]", "[[others]]", r"no \[\[people\]\]"),
    ],
)
def test_a_broken_directory_is_explained(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """People edit this file by hand."""
    broken = tmp_path / "acme.toml"
    text = (SEED / "acme.toml").read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DirectoryError, match=complaint):
        Directory.load(broken)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2 (relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
