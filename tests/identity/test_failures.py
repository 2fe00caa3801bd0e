"""What a provider says of a failure, before it may stand in a log."""

from __future__ import annotations

import pytest

from shop.identity.failures import their_words
from tests.identity.hostile import ec_key, signed


@pytest.mark.holds("I14")
def test_their_words_hold_no_token() -> None:
    """Known secrets and whatever looks like a token are cut out; a request id and plain words stay."""
    token = signed({"a": 1}, ec_key("curve"), "ES256")
    said = their_words(f"bad code {token} for s3cr3t\x1b[31m\nid 6f9c0c4e-58a3-4a5b-9f1c-0d6f3a2b1c00", "s3cr3t", "")
    assert said.startswith("bad code …") and "s3cr3t" not in said and "\n" not in said and "\x1b" not in said
    assert "6f9c0c4e-58a3-4a5b-9f1c-0d6f3a2b1c00" in said and not any(part in said for part in token.split("."))
    assert len(their_words("word " * 500)) <= 300 and their_words(None) == ""
