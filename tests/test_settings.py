"""Settings: what makes no sense is said in a sentence, secrets are files of their owner, nothing switches a check off."""

from __future__ import annotations

import ast
import os
import stat
from dataclasses import fields
from pathlib import Path

import pytest

from shop.database import Database
from shop.hosts import is_loopback_host
from shop.secret_files import kept_secret
from shop.settings import ROOT, Settings


def read(data_dir: Path, **environment: str) -> Settings:
    """The settings of an environment."""
    return Settings.from_environment({"SHOP_DATA_DIR": str(data_dir), **environment})


def test_without_any_setting_the_shop_is_on_this_machine(tmp_path: Path) -> None:
    """An empty environment is a local shop with SQLite in its data folder and the offline model."""
    settings = read(tmp_path)
    assert (settings.base_url, settings.port, settings.host) == ("http://localhost:5000", 5000, "localhost")
    assert settings.database_url == f"sqlite:///{tmp_path / 'shop.db'}"
    assert settings.is_loopback and settings.uses_offline_model
    assert [settings.companion_port(index) for index in (0, 1)] == [5001, 5002]
    assert settings.issuer_of_companion(1) == "http://127.0.0.1:5002"


@pytest.mark.parametrize("port", ["", "0", "-1", "65001", "99999", "5000.5", "abc", "5000 ", "²", "٥٠٠٠"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    """The sentence says what a port is, and repeats what was given."""
    with pytest.raises(ValueError, match=r"PORT must be a number from 1 to 65000 .*not '.*'\."):
        read(tmp_path, PORT=port)


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://shop.example?a=b",
        "https://shop.example#a",
        "javascript:alert(1)",
        "http://[x",
        "https://shop.example:port",
        "https://shop.example/path",
        "https://user:secret@shop.example",
        "https://shop.example:0",
        "https://bücher.example",
        "https://shop.example.",
        "https://-shop.example",
        "https://shop..example",
        "https://shop example",
        "https://127.1",
        "https://2130706433",
        "https://[fe80::1%eth0]",
        "https://shop.example,https://other.example",
    ],
)
def test_a_base_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    """The sentence shows what an origin looks like; a path, a query or a password in it is none."""
    with pytest.raises(ValueError, match=r"SHOP_BASE_URL must look like https://shop\.example, not "):
        read(tmp_path, SHOP_BASE_URL=url)


@pytest.mark.parametrize(
    ("environment", "base_url"),
    [
        ({"HOST": "0.0.0.0"}, "http://localhost:5000"),
        ({"HOST": "::"}, "http://localhost:5000"),
        ({"HOST": "127.0.0.1"}, "http://localhost:5000"),
        ({"HOST": "127.0.0.2"}, "http://127.0.0.2:5000"),
        ({"HOST": "::1"}, "http://[::1]:5000"),
        ({"HOST": "localhost", "PORT": "6000"}, "http://localhost:6000"),
        ({"SHOP_BASE_URL": "https://shop.example/"}, "https://shop.example"),
        ({"SHOP_BASE_URL": "HTTPS://shop.test"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "https://Shop.Test"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "https://shop.test:443/"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "https://shop.test:0443"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "https://shop.test:"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "http://shop.test:80"}, "http://shop.test"),
        ({"SHOP_BASE_URL": "https://shop.test:80"}, "https://shop.test:80"),
        ({"SHOP_BASE_URL": "https://shop.test:8443//"}, "https://shop.test:8443"),
        ({"SHOP_BASE_URL": "https://shop.test?"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "https://shop.test/#"}, "https://shop.test"),
        ({"SHOP_BASE_URL": " https://shop.test\n"}, "https://shop.test"),
        ({"SHOP_BASE_URL": "http://[0:0:0:0:0:0:0:1]:5000"}, "http://[::1]:5000"),
        ({"SHOP_BASE_URL": "https://XN--BCHER-KVA.example"}, "https://xn--bcher-kva.example"),
    ],
)
def test_the_base_url_follows_host_and_port(tmp_path: Path, environment: dict[str, str], base_url: str) -> None:
    """Where the shop says it is, when nobody says it for it."""
    assert read(tmp_path, **environment).base_url == base_url


@pytest.mark.parametrize(
    ("environment", "former", "issuer"),
    [
        ({}, "http://127.0.0.1:5000", "http://127.0.0.1:5001"),
        ({"PORT": "6000"}, "http://127.0.0.1:6000", "http://127.0.0.1:6001"),
        ({"HOST": "localhost"}, "http://127.0.0.1:5000", "http://localhost:5001"),
        ({"SHOP_BASE_URL": "http://localhost:5000"}, "http://127.0.0.1:5000", "http://localhost:5001"),
        ({"SHOP_BASE_URL": "http://127.0.0.1:5000"}, "", "http://127.0.0.1:5001"),
        ({"SHOP_BASE_URL": "https://localhost"}, "", "https://localhost"),
        ({"SHOP_BASE_URL": "https://shop.example"}, "", "http://shop.example:5001"),
        ({"SHOP_BASE_URL": "http://localhost.example:5000"}, "", "http://localhost.example:5001"),
    ],
)
def test_the_former_default_is_another_name_of_the_present_one_only(
    tmp_path: Path, environment: dict[str, str], former: str, issuer: str
) -> None:
    """`127.0.0.1` was the default before `localhost`. Identities in existing databases keep the address of their provider."""
    settings = read(tmp_path, **environment)
    assert settings.former_base_url == former
    assert settings.resources == tuple(f"{url}/mcp" for url in (settings.base_url, former) if url)
    if issuer != "https://localhost":
        assert settings.issuer_of_companion(0) == issuer


def test_the_cookie_is_named_by_the_port_that_browsers_see(tmp_path: Path) -> None:
    """Processes behind one proxy listen on ports of their own, and read the same cookie; two shops on one host do not."""
    behind = [read(tmp_path, SHOP_BASE_URL="https://shop.example", PORT=port) for port in ("5000", "6000")]
    assert {settings.cookie_name for settings in behind} == {"context-and-co-443"}
    assert [read(tmp_path, PORT=port).cookie_name[-4:] for port in ("5000", "6000")] == ["5000", "6000"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    """Addresses that nobody else can reach."""
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "",
        "192.168.1.4",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example",
        "127.1",
        "2130706433",
    ],
)
def test_anything_else_is_not_loopback(host: str) -> None:
    """What others can reach, or what only looks like this machine, is not loopback."""
    assert not is_loopback_host(host)


@pytest.mark.parametrize(
    ("environment", "is_loopback"),
    [
        ({}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"SHOP_BASE_URL": "https://shop.example"}, False),
        ({"HOST": "0.0.0.0", "SHOP_BASE_URL": "http://127.0.0.1:5000"}, False),
    ],
)
def test_a_shop_is_loopback_when_both_address_and_name_are(
    tmp_path: Path, environment: dict[str, str], is_loopback: bool
) -> None:
    """Bound to every interface, or named in public: others can come."""
    assert read(tmp_path, **environment).is_loopback is is_loopback


def test_a_secret_is_made_once_in_a_file_of_its_owner(tmp_path: Path) -> None:
    """The file has mode 0600 whatever the umask says, at least 256 bits, and the same content ever after."""
    before = os.umask(0)
    try:
        secret = kept_secret(tmp_path / "new" / "secret_key")
    finally:
        os.umask(before)
    path = tmp_path / "new" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(secret) >= 43 and kept_secret(path) == secret
    assert kept_secret(tmp_path / "another") != secret
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["secret_key"]


def test_what_others_could_read_is_made_private(tmp_path: Path) -> None:
    """In a folder that was there before, with files that were: secrets, database and SQLite's other files are their owner's."""
    (tmp_path / "secret_key").write_text("a secret from before, long enough for cookies")
    for name in ("shop.db", "shop.db-wal", "shop.db-shm"):
        (tmp_path / name).touch()
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    settings = read(tmp_path)
    Database(settings.database_url, threads=1).dispose()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("secret_key", "shop.db", "shop.db-wal", "shop.db-shm"), 0o600)


def test_a_secret_file_that_is_empty_is_refused(tmp_path: Path) -> None:
    """A file that a full disk or a crash left empty is never taken for a secret."""
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ValueError, match=r"secret_key is empty: delete it"):
        kept_secret(tmp_path / "secret_key")


def test_secrets_are_not_in_what_a_settings_object_shows(tmp_path: Path) -> None:
    """Printing or logging the settings shows no key and no code."""
    settings = read(tmp_path, OPENAI_API_KEY="sk-1", SHOP_PRESENTER_CODE="123456", SHOP_SECRET_KEY="cookie-key")
    assert not [secret for secret in ("sk-1", "123456", "cookie-key") if secret in repr(settings)]


def test_a_client_secret_is_where_its_reference_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`env:NAME` reads a variable that is set, `file:NAME` a file of the data folder, and nothing else is read."""
    settings = read(tmp_path)
    monkeypatch.setenv("A_CLIENT_SECRET", "from the environment")
    assert settings.read_secret("env:A_CLIENT_SECRET") == "from the environment"
    assert settings.read_secret("file:a.client_secret") == (tmp_path / "a.client_secret").read_text()
    for reference in (
        "env:NOT_SET",
        "plain secret",
        "file:../outside",
        "file:/etc/passwd",
        "file:",
        "file:.",
        "file:..",
        "file:secret_key",
        "env:",
        "",
    ):
        with pytest.raises(ValueError, match=r"write env:NAME \(and set it\), or file:NAME"):
            settings.read_secret(reference)


@pytest.mark.holds("I15")
def test_no_setting_switches_a_check_off(tmp_path: Path) -> None:
    """The settings are a closed list, none of them about skipping; what test or debug modes are called changes nothing."""
    names = {field.name for field in fields(Settings)}
    assert not [
        name
        for name in names
        for word in ("debug", "skip", "disable", "insecure", "bypass", "test", "unsafe")
        if word in name
    ]
    odd = {
        "FLASK_DEBUG": "1",
        "FLASK_TESTING": "1",
        "FLASK_WTF_CSRF_ENABLED": "0",
        "FLASK_LOGIN_DISABLED": "1",
        "SHOP_DEBUG": "1",
    }
    assert read(tmp_path, **odd) == read(tmp_path)


@pytest.mark.holds("I15")
def test_the_environment_is_read_in_one_place_only() -> None:
    """No module but the settings reads the environment, so no value there can switch a check off unseen."""
    readers = set()
    for path in (ROOT / "shop").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "request.environ":
                continue  # what the server says about one request (PEP 3333)
            if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "from_prefixed_env"}) or (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and {a.name for a in node.names} & {"environ", "getenv"}
            ):
                readers.add(path.relative_to(ROOT / "shop").as_posix())
    assert readers == {"settings.py"}


@pytest.mark.holds("NHI2")
def test_a_new_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever lies in it, database and secrets, other users of the machine cannot even enter the folder."""
    kept_secret(tmp_path / "kept" / "secret_key")
    Database(f"sqlite:///{tmp_path / 'stored' / 'shop.db'}").dispose()
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("kept", "stored")] == [0o700, 0o700]


def test_an_external_issuer_is_a_few_settings(tmp_path: Path) -> None:
    """Issuer, what its tokens are, how they are signed, and introspection; RFC 9068 and RS256 if nothing else is said."""
    plain = read(tmp_path, SHOP_OAUTH_ISSUER="https://login.example/realms/acme")
    assert (plain.oauth_issuer, plain.oauth_profile) == ("https://login.example/realms/acme", "rfc9068")
    assert plain.oauth_algorithms == ("RS256",) and plain.oauth_introspection_client_id == ""
    full = read(
        tmp_path,
        SHOP_OAUTH_ISSUER="http://127.0.0.1:8080",
        SHOP_OAUTH_TOKEN_PROFILE="jwt",
        SHOP_OAUTH_ALGORITHMS="ES256, PS256",
        SHOP_OAUTH_INTROSPECTION_CLIENT_ID="shop",
        SHOP_OAUTH_INTROSPECTION_CLIENT_SECRET="env:THEIR_SECRET",
    )
    assert (full.oauth_profile, full.oauth_algorithms) == ("jwt", ("ES256", "PS256"))
    assert full.oauth_introspection_client_secret == "env:THEIR_SECRET"
    assert read(tmp_path).oauth_issuer == ""


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"SHOP_OAUTH_ISSUER": "login.example"}, "issuer's own URL"),
        ({"SHOP_OAUTH_ISSUER": "http://login.example"}, "issuer's own URL"),
        ({"SHOP_OAUTH_ISSUER": "https://login.example?a=b"}, "issuer's own URL"),
        ({"SHOP_OAUTH_ISSUER": "https://a:b@login.example"}, "issuer's own URL"),
        ({"SHOP_OAUTH_ISSUER": "https://[x"}, "issuer's own URL"),
        ({"SHOP_OAUTH_TOKEN_PROFILE": "jwt"}, "set SHOP_OAUTH_ISSUER too"),
        ({"SHOP_OAUTH_INTROSPECTION_CLIENT_ID": "shop"}, "set SHOP_OAUTH_ISSUER too"),
        ({"SHOP_OAUTH_ISSUER": "https://a.example", "SHOP_OAUTH_TOKEN_PROFILE": "any"}, "rfc9068 or jwt"),
        ({"SHOP_OAUTH_ISSUER": "https://a.example", "SHOP_OAUTH_ALGORITHMS": "RS256 none"}, "not 'none'"),
        ({"SHOP_OAUTH_ISSUER": "https://a.example", "SHOP_OAUTH_ALGORITHMS": "HS256"}, "not 'HS256'"),
        ({"SHOP_OAUTH_ISSUER": "https://a.example", "SHOP_OAUTH_INTROSPECTION_CLIENT_ID": "shop"}, "both of them"),
    ],
)
def test_an_external_issuer_that_makes_no_sense_is_refused(
    tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    """Each with a sentence; nothing unsafe can be switched on, and nothing is ignored silently."""
    with pytest.raises(ValueError, match=says):
        read(tmp_path, **environment)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("SHOP_REFRESH_GRACE", ["0", "10", "60"], ["-1", "61", "1.5", "ten", "²", " 5"]),
        ("SHOP_CLIENT_DOCUMENTS", ["", "0", "1"], ["2", "no", "off"]),
        (
            "SHOP_EGRESS_PROXY",
            ["", "http://proxy.example:3128", "http://shop:a%20word@10.0.0.5:8080/"],
            [
                "proxy.example:3128",
                "https://shop:secret@proxy.example:3128",
                "http://proxy.example",
                "http://proxy.example:x",
                "http://p:1/x",
            ],
        ),
    ],
)
def test_how_assistants_are_dealt_with_is_read_or_refused(
    tmp_path: Path, name: str, good: list[str], bad: list[str]
) -> None:
    """Each value makes sense or stops the start with a sentence that names the setting, and no password."""
    for value in good:
        Settings.from_environment({"SHOP_DATA_DIR": str(tmp_path), name: value})
    for value in bad:
        with pytest.raises(ValueError, match=name) as refused:
            Settings.from_environment({"SHOP_DATA_DIR": str(tmp_path), name: value})
        assert "secret" not in str(refused.value)
    off = Settings.from_environment({"SHOP_DATA_DIR": str(tmp_path), "SHOP_CLIENT_DOCUMENTS": "0"})
    assert not off.client_documents and Settings().client_documents and Settings().refresh_grace.total_seconds() == 10
    secret = Settings(egress_proxy="http://shop:secret@proxy.example:3128")
    assert "secret@" not in repr(secret)
