"""What may be sent to the assistant, and what is answered when it may not."""

from __future__ import annotations

import json

import pytest

from tests.support.people import SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE


def organization_trail(visitor: Visitor) -> list[tuple[str, object]]:
    events = visitor.shop.chain(visitor.principal().organization)
    return [(str(event.name), event.content["facts"]) for event in events if event.name == "message.refused"]


@pytest.mark.holds("LLM10")
def test_a_message_may_be_exactly_as_long_as_the_limit_and_no_longer(shop: ShopUnderTest) -> None:
    """At the limit it is taken; one character over it is refused with the limit, recorded, and stored nowhere."""
    limit = shop.services.settings.message_limit
    sofia = shop.sign_in(SOFIA)
    assert sofia.say("ä" * limit).status == 200, "characters are counted, not bytes"
    too_long = sofia.say("ä" * (limit + 1))
    assert (
        too_long.status == 413
        and f"the limit is {limit}" in too_long.html
        and f"{limit + 1} characters" in too_long.html
    )
    assert len(sofia.turns()) == 1
    assert organization_trail(sofia) == [("message.refused", {"characters": limit + 1, "limit": limit})]


@ONE_ENGINE
def test_a_message_that_is_too_long_opens_no_conversation(shop: ShopUnderTest) -> None:
    """A first message that is refused leaves nothing behind but the record of the refusal."""
    sofia = shop.sign_in(SOFIA)
    assert sofia.say("x" * 5000).status == 413
    assert sofia.conversation is None and "Your conversations will be kept here." in sofia.get("/assistant/").text
    assert len(organization_trail(sofia)) == 1


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_a_body_far_too_large_is_refused_before_it_is_read(shop: ShopUnderTest) -> None:
    """A body over the shop's bound is answered with a notice that the page can show."""
    sofia = shop.sign_in(SOFIA)
    refused = sofia.post("/assistant/", message="x" * 300_000)
    assert refused.status_code == 413 and "too much at once" in refused.text and "<html" not in refused.text


@ONE_ENGINE
def test_an_empty_message_is_refused(shop: ShopUnderTest) -> None:
    """What holds no word is no message: nothing is stored, and the model is not asked."""
    sofia = shop.sign_in(SOFIA)
    for text in ("", "   ", "\n\t\r\n", "\x00", "\u00a0"):
        refused = sofia.say(text)
        assert refused.status == 400 and "The message is empty." in refused.html and sofia.conversation is None


def test_characters_that_a_database_cannot_keep_are_left_out(shop: ShopUnderTest) -> None:
    """A NUL in a message does not break it on any engine."""
    sofia = shop.sign_in(SOFIA)
    assert sofia.say("he\x00llo\r\nthere").status == 200
    assert sofia.turns()[0].message == "hello\nthere"


@ONE_ENGINE
def test_what_is_not_utf_8_is_taken_as_far_as_it_can_be_read(shop: ShopUnderTest) -> None:
    """Bytes that are no text stay percent-encoded: the page can show them, and nothing breaks."""
    sofia = shop.sign_in(SOFIA)
    body = f"csrf_token={sofia.csrf_token()}&message=caf%E9 %FF".encode()
    answered = sofia.client.post(
        "/assistant/",
        base_url=BASE_URL,
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers={"Referer": BASE_URL},
    )
    assert answered.status_code == 200
    data = next(line for line in answered.get_data(as_text=True).splitlines() if '"href"' in line)
    sofia.conversation = json.loads(data.removeprefix("data: "))["id"]
    assert sofia.turns()[0].message == "caf%E9 %FF"


@ONE_ENGINE
def test_a_malformed_form_is_refused_with_a_notice(shop: ShopUnderTest) -> None:
    """Whatever is not the page's own form is a bad request, told so that the page can show it, and stored nowhere."""
    sofia = shop.sign_in(SOFIA)
    for body, content_type in (
        (b'{"message": "hello"}', "application/json"),
        (b"message=hello", "text/plain"),
        (b"--x\r\nContent-Disposition: form-data; nam", "multipart/form-data; boundary=x"),
        (b"no boundary", "multipart/form-data"),
        (b"\xff\xfe&=&&;", "application/x-www-form-urlencoded"),
    ):
        refused = sofia.client.post(
            "/assistant/", base_url=BASE_URL, data=body, content_type=content_type, headers={"Referer": BASE_URL}
        )
        assert refused.status_code == 400 and "<html" not in refused.text and "<p><b>" in refused.text, content_type
    assert "Your conversations will be kept here." in sofia.get("/assistant/").text


@ONE_ENGINE
def test_a_prefilled_question_is_only_prefilled(shop: ShopUnderTest) -> None:
    """A link that carries a question fills the composer, escaped and cut; it sends nothing."""
    sofia = shop.sign_in(SOFIA)
    page = sofia.get("/assistant/?ask=" + "%3C/textarea%3E%3Cscript%3E" + "x" * 500).text
    assert "&lt;/textarea&gt;&lt;script&gt;" in page and "x" * 201 not in page
    assert "Your conversations will be kept here." in page
