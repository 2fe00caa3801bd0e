"""`flask chat`: the same chat in a terminal, for people and, as lines of JSON, for programs."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select, update

from shop.assistant.terminal.output import result_lines
from shop.conversations.models import Conversation, Turn, TurnState
from shop.credentials.ledger import Authority
from shop.credentials.sessions import SignedInSession
from shop.identity.models import Connection
from shop.revocation import cascade
from shop.untrusted import terminal_text
from tests.assistant.scripted import Gate, ScriptedModel, Step, call, end_of_turn, text
from tests.support.clock import TestClock
from tests.support.people import INES, NOAH, SOFIA, ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, count_orders
from tests.support.stored import turns_of

Building = Callable[..., ShopUnderTest]
STORY = """\
# scenes 2 to 4 of the story

black hoodies under 60, in L
add the second one
/allow transact
check out
/confirm
"""
MUG = call("add_to_cart", '{"sku": "refresh-token-mug-ink"}')


def chat(shop: ShopUnderTest, *arguments: str, says: str = "", name: str = "sofia") -> Result:
    """Run the command; `says` is what comes in from outside."""
    return shop.app.test_cli_runner().invoke(args=["chat", "--as", name, *arguments], input=says)  # type: ignore[no-any-return]


def played(shop: ShopUnderTest, script: str, *arguments: str) -> tuple[Result, list[dict[str, Any]]]:
    """Play a script, and read its lines of JSON."""
    result = chat(shop, "--script", "-", "--json", *arguments, says=script)
    return result, [json.loads(line) for line in result.stdout.splitlines()]


def the_conversation(shop: ShopUnderTest) -> tuple[list[Turn], list[str]]:
    """The stored turns of the only conversation, and its events."""
    with shop.database.read() as db:
        (conversation,) = db.scalars(select(Conversation)).all()
        stored = turns_of(db, conversation.id)
    return stored, [str(event.name) for event in shop.chain(conversation.id)]


def living_sessions(shop: ShopUnderTest) -> int:
    """How many sessions could still be used."""
    with shop.database.read() as db:
        rows = db.scalars(select(Authority).join(SignedInSession, SignedInSession.id == Authority.id)).all()
    return sum(row.ended_at is None for row in rows)


def test_a_script_is_played_as_turns_in_lines_of_json(shop: ShopUnderTest) -> None:
    """Message, calls with arguments, decision and outcome, and reply; the person's decisions are theirs, and recorded so."""
    orders = count_orders(shop)
    result, turns = played(shop, STORY)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [turn["message"] for turn in turns] == [line for line in STORY.splitlines() if line and line[0] != "#"]
    search, refused, added, asked, placed = (turn["calls"][0] for turn in turns)
    assert (search["name"], search["decision"], search["outcome"]) == ("search_products", "allow", "succeeded")
    assert search["arguments"]["colour"] == "black" and search["rule"] == "guest.catalogue.read"
    assert (refused["decision"], refused["outcome"], refused["code"]) == ("deny", "denied", "consent_needed")
    assert (added["arguments"]["sku"], added["outcome"]) == (HOODIE, "succeeded")
    assert (asked["decision"], asked["outcome"]) == ("needs_approval", "awaiting_approval")
    assert (placed["name"], placed["decision"], placed["outcome"]) == ("place_order", "allow", "succeeded")
    assert all(turn["reply"] for turn in turns)
    stored, events = the_conversation(shop)
    assert [turn.state for turn in stored] == [TurnState.COMPLETED] * 5 and count_orders(shop) == orders + 1
    assert events[2:4] == ["message.received", "tool_call.succeeded"]
    decided = [
        "tool_call.denied",
        "consent.granted",
        "tool_call.awaiting_approval",
        "approval.approved",
        "order.placed",
    ]
    assert [name for name in events if name in decided] == decided
    assert events[-1] == "delegation.ended" and living_sessions(shop) == 0


@pytest.mark.holds("I15")
def test_decisions_made_in_advance_are_the_same_decisions(shop: ShopUnderTest) -> None:
    """`--allow` and `--confirm` play the same turns, by the same consent and the same receipt, with the same events."""
    script = STORY.replace("/allow transact\n", "").replace("/confirm\n", "")
    result, turns = played(shop, script, "--allow", "transact", "--confirm")
    assert result.exit_code == 0
    assert [turn["message"] for turn in turns][2:] == ["check out", "/confirm"]
    assert [turn["calls"][0]["outcome"] for turn in turns] == [
        "succeeded",
        "succeeded",
        "awaiting_approval",
        "succeeded",
    ]
    _, events = the_conversation(shop)
    assert events[:4] == ["conversation.started", "delegation.started", "message.received", "consent.granted"]
    assert "tool_call.denied" not in events
    assert events[events.index("approval.approved") :][:3] == [
        "approval.approved",
        "order.placed",
        "tool_call.succeeded",
    ]


@ONE_ENGINE
def test_what_a_person_may_not_do_is_refused_whatever_was_decided_in_advance(shop: ShopUnderTest) -> None:
    """Noah may fill a cart and not place the order, however the command is called."""
    result = chat(
        shop,
        "--script",
        "-",
        "--json",
        "--allow",
        "transact",
        "--confirm",
        says=f"add {HOODIE} and check out",
        name=NOAH,
    )
    (turn,) = [json.loads(line) for line in result.stdout.splitlines()]
    refused = next(call for call in turn["calls"] if call["name"] == "place_order")
    assert (refused["decision"], refused["code"]) == ("deny", "not_permitted")
    assert "approval.approved" not in the_conversation(shop)[1]


@ONE_ENGINE
def test_a_person_talks_and_is_asked_in_place(shop: ShopUnderTest) -> None:
    """Calls and results are short lines, a refusal says why, and consent and receipt are asked for where they are needed."""
    said = [
        "black hoodies under 60, in L",
        "add the second one",
        "y",
        "check out",
        "n",
        "check out",
        "y",
        "/quit",
        "never",
    ]
    result = chat(shop, says="\n".join(said))
    shown = result.stdout
    assert result.exit_code == 0 and not result.stderr and "\x1b" not in shown
    assert "Signed in as Sofia Hart · Acme · buyer." in shown
    assert "✓ search_products" in shown and "Long Context     €58.00  black  L" in shown
    assert "✗ add_to_cart" in shown and "You have not allowed your assistant to buy" in shown
    assert "Allow your assistant to buy in this conversation? [y/N]: y" in shown
    assert "1 × Long Context, black, L  €58.00" in shown
    assert "Total, to the company's invoice" in shown and "Confirm €58.00? [y/N]: n" in shown
    assert "Not now: nothing was done." in shown and "✓ place_order" in shown and "Order CC-" in shown
    _, events = the_conversation(shop)
    asked = [name for name in events if name.startswith(("approval", "consent"))]
    assert asked == ["consent.granted", "approval.declined", "approval.approved"]
    assert events.count("message.received") == 4 and living_sessions(shop) == 0


@ONE_ENGINE
def test_a_script_without_json_is_a_transcript(shop: ShopUnderTest, tmp_path: Path) -> None:
    """What was said stands before what was answered; a question that nobody is there to answer waits for the next line."""
    script = tmp_path / "story.txt"
    script.write_text(STORY.replace("/confirm", "/decline"), encoding="utf-8-sig")
    result = chat(shop, "--script", str(script))
    assert result.exit_code == 0
    order = ["you › black hoodies", "✓ search_products", "you › /allow transact", "you › check out", "◆ place_order"]
    order += ["Total, to the company", "you › /decline", "Not now: nothing was done."]
    places = [result.stdout.index(text, 0) for text in order]
    assert places == sorted(places) and "[y/N]" not in result.stdout
    assert "approval.declined" in the_conversation(shop)[1]


@ONE_ENGINE
def test_consent_can_be_given_before_it_is_asked_for_and_refused_when_it_is(build_shop: Building) -> None:
    """`/allow` in advance, in the middle, and as an answer; `/decline` answers a request for consent too."""
    shop = build_shop(model=ScriptedModel([MUG], text("One moment.")))
    result, turns = played(shop, "a mug\n/decline\n/allow transact\nanother mug\n")
    assert result.exit_code == 0 and [turn["message"] for turn in turns] == ["a mug", "another mug"]
    assert turns[0]["state"] == "waiting" and turns[0]["calls"][0]["outcome"] == "denied"
    stored, events = the_conversation(shop)
    assert [turn.state for turn in stored] == [TurnState.COMPLETED] * 2
    assert [name for name in events if name.startswith("consent")] == ["consent.granted"]


@ONE_ENGINE
def test_allowing_first_holds_from_the_first_message_on(build_shop: Building) -> None:
    """`/allow` before anything was said is consent in the conversation that then begins."""
    shop = build_shop(model=ScriptedModel([MUG], text("It is in your cart.")))
    _, turns = played(shop, "/allow transact\na mug\n")
    assert [turn["calls"][0]["outcome"] for turn in turns] == ["succeeded"]


@ONE_ENGINE
def test_what_cannot_be_done_is_a_sentence_and_the_script_goes_on(shop: ShopUnderTest) -> None:
    """An unknown command, a decision about nothing, a message too long: standard error says it, and the exit status too."""
    result, turns = played(shop, f"/buy\n/confirm\n/decline\n/allow support\n{'x' * 5000}\n/help\nhello\n")
    assert result.exit_code == 1 and [turn["message"] for turn in turns] == ["hello"]
    said = result.stderr
    assert "'/buy' is no command here" in said and "'/allow support' is no command here" in said
    assert said.count("There is nothing to decide at the moment.") == 2
    assert "It has 5000 characters; the limit is 4000." in said and "Traceback" not in said
    trail = shop.chain(shop.organization("acme"))
    assert [event.content["facts"]["characters"] for event in trail if event.name == "message.refused"] == [5000]


@ONE_ENGINE
def test_a_command_that_makes_no_sense_says_who_there_is_and_what_to_do(shop: ShopUnderTest) -> None:
    """Nobody is signed in for an unknown name, or for JSON without a script: exit status 2, and a sentence."""
    unknown = chat(shop, name="bob")
    assert unknown.exit_code == 2 and "Nobody here is called 'bob'" in unknown.stderr
    assert all(address in unknown.stderr for address in (SOFIA, NOAH, "gil.mercer@globex.example"))
    no_script = chat(shop, "--json")
    assert no_script.exit_code == 2 and "say --script FILE" in no_script.stderr
    assert living_sessions(shop) == 0 and unknown.stdout == no_script.stdout == ""


@ONE_ENGINE
def test_who_may_not_sign_in_is_told_why(shop: ShopUnderTest) -> None:
    """A suspended person is refused like anywhere: one sentence, exit status 1."""
    membership = shop.sign_in(SOFIA).principal().membership
    administrator = shop.sign_in(INES).principal()
    with shop.database.write() as db:
        cascade.suspend(db, shop.services.policy, administrator, membership)
    refused = chat(shop, says="hello")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: Your account is suspended.")


@ONE_ENGINE
def test_another_program_in_the_providers_place_is_named(build_shop: Building) -> None:
    """When the provider does not run and something else has its port, the sentence says which."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        shop = build_shop(port=port - 1)
        with shop.database.write() as db:
            db.execute(update(Connection).values(issuer=f"http://127.0.0.1:{port}"))
            other.listen()
        refused = chat(shop, says="hello")
    assert refused.exit_code == 1 and f"Port {port} is in use, but not by Acme's identity provider" in refused.stderr


class Happening(Gate):
    """A place in an answer where something happens."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def pass_through(self) -> None:
        """As the model."""
        self._happens()


@ONE_ENGINE
def test_a_session_that_ends_on_the_way_ends_the_chat(build_shop: Building) -> None:
    """Signed out everywhere while a turn runs: the turn ends by itself and says why, and nothing more is said for the person."""
    happening: list[Step] = []
    shop = build_shop(model=ScriptedModel(happening))
    elsewhere = shop.sign_in(SOFIA)

    def sign_out_everywhere() -> None:
        person = elsewhere.principal()
        with shop.database.write() as db:
            cascade.sign_out_everywhere(db, person)

    happening += [Happening(sign_out_everywhere), *text("Still here."), call("view_cart")]
    result, turns = played(shop, "my cart\nhello?\n")
    assert result.exit_code == 1
    (turn,) = turns
    assert (turn["state"], turn["error"]) == ("stopped", "You signed out everywhere.")
    assert result.stderr == "Error: You signed out everywhere. Start again to sign in.\n"
    assert "message.refused" not in the_conversation(shop)[1] and living_sessions(shop) == 0


def interrupts(shop_of: list[ShopUnderTest], times: int) -> Callable[[], None]:
    """Presses Ctrl+C, so many times, and waits until it has come to something."""

    def press() -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            while not (stored := the_conversation(shop_of[0])[0])[0].stop_requested:
                assert stored[0].state is TurnState.RUNNING

    return press


@ONE_ENGINE
def test_a_session_that_expires_on_the_way_ends_the_chat_too(build_shop: Building, clock: TestClock) -> None:
    """Left alone for longer than a session lives: the next line is not said for the person any more."""
    shop = build_shop(model=ScriptedModel([Happening(lambda: clock.pass_by(hours=2)), *text("Hello.")]))
    result, turns = played(shop, "hello\nmy cart\n")
    assert result.exit_code == 1 and [turn["message"] for turn in turns] == ["hello"]
    assert result.stderr == "Error: Your session has ended. Start again to sign in.\n"
    assert the_conversation(shop)[1].count("message.received") == 1


@pytest.mark.holds("ASI10")
@ONE_ENGINE
def test_ctrl_c_stops_the_running_answer_and_the_chat_goes_on(
    build_shop: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first Ctrl+C is the page's Stop: the stored flag, heeded before the next call; then one can go on."""
    monkeypatch.setattr("shop.assistant.turn.loop.STORE_EVERY", 0)
    shops: list[ShopUnderTest] = []
    stopped: list[Step] = [*text("I will "), Happening(interrupts(shops, 1)), *text("look."), MUG]
    shops.append(build_shop(model=ScriptedModel(stopped, text("Hello."))))
    before = signal.getsignal(signal.SIGINT)
    result, (first, second) = played(shops[0], "a mug\nhello\n")
    assert result.exit_code == 1, "not every answer came to its end"
    assert (first["state"], first["error"], first["calls"]) == ("stopped", "You stopped it.", [])
    assert second["reply"] == "Hello." and signal.getsignal(signal.SIGINT) is before
    assert the_conversation(shops[0])[0][0].error_code == "person"


@ONE_ENGINE
def test_a_second_ctrl_c_leaves_and_signs_out(build_shop: Building, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not wait for the end leaves at once: exit status 130, signed out, and the turn is stopped all the same."""
    monkeypatch.setattr("shop.assistant.turn.loop.STORE_EVERY", 0)
    shops: list[ShopUnderTest] = []
    shops.append(build_shop(model=ScriptedModel([Happening(interrupts(shops, 2)), *text("Gone."), MUG])))
    result = chat(shops[0], "--script", "-", says="a mug\nhello\n")
    assert result.exit_code == 130 and "Traceback" not in result.output
    (turn,) = the_conversation(shops[0])[0]
    end_of_turn(turn.id)
    assert living_sessions(shops[0]) == 0 and the_conversation(shops[0])[0][0].state is TurnState.STOPPED


@ONE_ENGINE
def test_a_failed_answer_is_told_in_its_line(build_shop: Building) -> None:
    """A model's server that is not there: the turn's line says so, and the exit status too."""
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    shop = build_shop(openai_base_url=f"http://127.0.0.1:{port}/v1")
    result, (turn,) = played(shop, "hello\n")
    assert result.exit_code == 1 and result.stderr == ""
    assert (turn["state"], turn["reply"]) == ("failed", "") and "connection to the model was lost" in turn["error"]


@ONE_ENGINE
def test_a_model_that_asks_for_ever_is_not_confirmed_for_ever(build_shop: Building) -> None:
    """`--confirm` has an end: after as many confirmations as a turn may have calls, the receipt is left to the person."""
    order = call("place_order")
    answers: list[list[Step]] = [[MUG, order], text("Confirm it.")]
    shop = build_shop(model=ScriptedModel(*answers * 6), tool_call_limit=2)
    _, turns = played(shop, "mugs\n", "--allow", "transact", "--confirm")
    assert [turn["message"] for turn in turns].count("/confirm") == 2


@pytest.mark.holds("LLM05")
@ONE_ENGINE
def test_nothing_that_a_model_says_controls_the_terminal(build_shop: Building) -> None:
    """Escape sequences and characters that turn the writing's direction do not get through; line breaks and words do."""
    evil = "Clear\x1b[2J\x07 me\u202e \x9b31m\nNow\r. ✓ ü"
    shop = build_shop(model=ScriptedModel(text(evil)))
    shown = chat(shop, "--script", "-", says=f"hello {evil!r}\n").stdout
    assert "Clear[2J me 31m\nNow. ✓ ü" in shown
    assert not any(character in shown for character in "\x1b\x07\u202e\x9b")
    _, (turn,) = played(shop, "hello\n")
    assert turn["reply"] == evil, "a program gets what was said, in ASCII"


def test_results_are_shown_by_what_they_are() -> None:
    """A comparison, an empty cart and a list of orders each have their own lines; what has none is left to the reply."""
    money = {"minor": 2400, "text": "€24.00"}
    product = {"name": "Context Tee", "price": money, "colours": ["ink"], "sizes": ["M", "L"], "variants": []}
    compared = {
        "products": [product, product | {"name": "Mug"}],
        "rows": [{"label": "Price", "values": ["€24.00", "€9.00"]}],
    }
    assert list(result_lines(compared)) == ["       Context Tee  Mug", "Price  €24.00       €9.00"]
    assert list(result_lines(product)) == ["Context Tee  €24.00  ink  M L"]
    assert list(result_lines({"lines": [], "total": money})) == ["The cart is empty."]
    order = {
        "number": "CC-5QF1A7",
        "placed_at": "2026-11-01T08:00:00",
        "status": "shipped",
        "total": money,
        "summary": "a tee",
    }
    assert list(result_lines({"orders": [order]})) == ["CC-5QF1A7  2026-11-01  shipped  €24.00  a tee"]
    assert list(result_lines({"workflows": []})) == list(result_lines({"products": []})) == []
    assert terminal_text("a\tb\nc") == "ab\nc"
