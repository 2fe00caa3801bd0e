"""What a person does with a conversation as a whole: search, rename, take along, delete; each recorded, each only one's own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from shop.conversations.models import Conversation
from shop.credentials.ledger import Authority
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, call, text
from tests.support.people import ADA, GIL, MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE


def talked(shop: ShopUnderTest) -> Visitor:
    """Sofia has been refused once, allowed it, and has a receipt that waits."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("add a mug in ink")
    sofia.allow(sofia.latest_call("add_to_cart").id)
    sofia.say("check out")
    return sofia


@pytest.mark.holds("I9", "I12", "ASVS-8.3.2")
def test_a_deleted_conversation_is_gone_and_its_record_stays(shop: ShopUnderTest) -> None:
    """No word of it is left where it was said; its delegation has ended and its receipt is void; the audit keeps all."""
    sofia = talked(shop)
    conversation, receipt = str(sofia.conversation), str((sofia.latest_call("place_order").outcome or {})["receipt"])
    before = sofia.events()
    deleted = sofia.post(f"/assistant/{conversation}/delete")
    assert (deleted.status_code, deleted.headers["Location"]) == (303, "/assistant/")
    turns = sofia.turns()
    with shop.database.read() as db:
        row, delegation = db.get_one(Conversation, conversation), db.get_one(Authority, turns[0].delegation)
    assert (row.title, bool(row.deleted_at), delegation.ended_because) == (
        "Deleted conversation",
        True,
        "conversation_deleted",
    )
    assert [(turn.message, turn.items) for turn in turns] == [(None, [])] * 3
    events = shop.chain(conversation)
    assert sofia.events() == [*before, "approval.voided", "conversation.deleted", "delegation.ended"]
    assert events[-2].content["facts"]["receipts"] == [receipt]
    for path in ("", "/export.json", f"/turns/{events[-1].id}"):
        assert sofia.get(f"/assistant/{conversation}{path}").status_code == 404
    for path in ("/messages", "/rename", "/delete", f"/receipts/{receipt}/confirm"):
        assert sofia.post(f"/assistant/{conversation}{path}", message="x", title="x").status_code == 404
    assert "add a mug" not in sofia.get("/assistant/").text.lower()
    assert "add a mug in ink" in shop.sign_in(ADA).get(f"/audit/conversations/{conversation}").text
    assert "verified" in sofia.get(f"/audit/conversations/{conversation}").text


@pytest.mark.holds("I9", "I13")
def test_deleting_stops_what_runs(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A running turn does nothing more, stores nothing more, ends on the record, and its stream ends without an error."""
    gate = Gate()
    model = ScriptedModel([*text("One moment. "), gate, call("view_cart"), *text("Done.")])
    sofia = build_shop(model=model).sign_in(SOFIA)
    stream = OpenStream(sofia, "what is in my cart?")
    gate.wait_until_reached()
    assert sofia.post(f"/assistant/{sofia.conversation}/delete").status_code == 303
    gate.open()
    stream.read_to_the_end()
    (turn,) = sofia.turns()
    assert (turn.state, turn.message, [item.text for item in turn.items if item.text]) == ("stopped", None, [])
    assert len(model.received) == 1
    assert sofia.events()[-3:] == ["turn.stopped", "conversation.deleted", "delegation.ended"]


@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_nobody_else_renames_exports_or_deletes_a_conversation(shop: ShopUnderTest) -> None:
    """A colleague, an auditor and somebody of another company get the answer for a conversation that is not there."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    count = len(sofia.events())
    for other in (shop.sign_in(MARA), shop.sign_in(ADA), shop.sign_in(GIL)):
        base = f"/assistant/{sofia.conversation}"
        answers = [
            other.post(f"{base}/rename", title="Mine"),
            other.post(f"{base}/delete"),
            other.post(f"{base}/cart", sku="x"),
            other.post(f"{base}/undo", call="x"),
            other.get(f"{base}/export.md"),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5
        assert "Hello" not in other.get("/assistant/conversations?q=hello").text
    assert len(sofia.events()) == count and "Hello" in sofia.get("/assistant/conversations?q=hel").text


@ONE_ENGINE
def test_a_conversation_is_renamed_on_its_page(shop: ShopUnderTest) -> None:
    """A good title comes back on the page; a bad one is refused in words, as a page where a browser asked."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    renamed = sofia.post(f"/assistant/{sofia.conversation}/rename", title="Gifts")
    assert renamed.status_code == 303 and "Gifts" in sofia.get(renamed.headers["Location"]).text
    refused = sofia.post(
        f"/assistant/{sofia.conversation}/rename", title="x" * 61, headers={"Sec-Fetch-Mode": "navigate"}
    )
    assert refused.status_code == 400 and "<html" in refused.text and "between 1 and 60" in refused.text
    assert sofia.events()[-1] == "conversation.renamed"


@ONE_ENGINE
@pytest.mark.holds("I10", "I14")
def test_a_conversation_is_taken_along_as_data_and_as_text(shop: ShopUnderTest) -> None:
    """Each turn with what was said, called and answered; not yours looks like not there; each download is recorded."""
    sofia = talked(shop)
    sofia.say("what is in order CC-MARA7V")
    sofia.edit(sofia.turns()[-1].id, "thanks")
    saved = sofia.get(f"/assistant/{sofia.conversation}/export.json")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="add-a-mug-in-ink.json"'
    record = json.loads(saved.text)
    assert [turn["message"] for turn in record["turns"]] == [
        *("add a mug in ink", None, "check out", "what is in order CC-MARA7V", "thanks")
    ]
    calls = [[(c["name"], c["decision"], c["outcome"]) for c in turn["calls"]] for turn in record["turns"]]
    assert ("add_to_cart", "deny", "denied") in calls[0] and ("add_to_cart", "allow", "succeeded") in calls[1]
    assert ("place_order", "needs_approval", "awaiting_approval") in calls[2]
    assert [outcome for _, _, outcome in calls[3]] == ["failed"] and "not_yours" not in saved.text
    assert [turn["edited"] for turn in record["turns"]] == [False, False, False, True, False]
    markdown = sofia.get(f"/assistant/{sofia.conversation}/export.md").text
    assert "> check out" in markdown and "(edited afterwards)" in markdown and "_You allowed it" in markdown
    assert sofia.get(f"/assistant/{sofia.conversation}/export.exe").status_code == 404
    exported = [event for event in shop.chain(str(sofia.conversation)) if event.name == "conversation.exported"]
    assert [event.content["facts"] for event in exported] == [
        {"format": "json", "turns": 5},
        {"format": "md", "turns": 5},
    ]


@pytest.mark.holds("LLM10")
def test_a_long_conversation_is_taken_along_in_portions(
    build_shop: Callable[..., ShopUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file holds so many turns and characters at most, says how many there are, and where the ones before them are."""
    monkeypatch.setattr("shop.conversations.portions.MOST_TURNS", 3)
    monkeypatch.setattr("shop.conversations.portions.MOST_CHARACTERS", 500)
    sofia = build_shop(model=ScriptedModel(text("Yes."))).sign_in(SOFIA)
    messages = ["one", "two", "x" * 495, "y" * 600, "five"]
    for message in messages:
        sofia.say(message)
    path, files = f"/assistant/{sofia.conversation}/export.json", []
    while path:
        files.append(json.loads(sofia.get(path).text))
        path = files[-1]["earlier"]
    told = [[turn["message"] for turn in file["turns"]] for file in files]
    assert told == [["five"], ["y" * 600], ["x" * 495], ["one", "two"]]
    assert [file["turns_in_all"] for file in files] == [5] * 4
    markdown = sofia.get(f"/assistant/{sofia.conversation}/export.md").text
    assert "_This file holds 1 of 5 turns._" in markdown and "export.md?before=5_" in markdown
    for odd in ("-1", "0", "x", "9" * 30):
        assert sofia.get(f"/assistant/{sofia.conversation}/export.json?before={odd}").status_code == 200
