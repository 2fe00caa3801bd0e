"""Sends a growing Markdown text to a page as HTML, which the server renders.

Blocks that no later text can change are sent once. Only the last block is sent again, at the intervals of `Pace`, so the bytes
sent are linear in the text. At the end the page gets the whole text, as a reload would show it.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markupsafe import Markup

from shop.assistant.turn.pace import Pace
from shop.assistant.web.partials import partial, piece
from shop.assistant.web.presenter import html_of

SHOW_EVERY = 0.1
"""Seconds between two states of a text that are sent."""

_SPLIT_FROM = 1_000
"""Characters from which on it is worth looking for what is finished."""

_blocks = MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")
_END_OF_LINE = re.compile(r"\r\n|\r|\n")


class Writing:
    """One item of text, as one page sees it grow."""

    def __init__(self, turn_id: str, item_id: str) -> None:
        self._turn_id, self.item_id = turn_id, item_id
        self._text, self._sent, self._finished = "", -1, 0
        self._pace = Pace(SHOW_EVERY)

    def grow(self, text: str) -> None:
        """This is the text now."""
        self._text = text

    @property
    def is_behind(self) -> bool:
        """Whether there is more than the page was sent."""
        return len(self._text) > self._sent

    def news(self, now: float) -> Markup | None:
        """What the page should be sent now, if anything. `now`: seconds of a clock that only goes forward."""
        if not self._pace.is_due(len(self._text) - self._finished, len(self._text), now):
            return None
        parts = [] if self._sent >= 0 else [self._begin()]
        self._sent = len(self._text)
        self._pace.passed_on(self._sent, now)
        growing = self._text[self._finished :]
        if len(growing) >= _SPLIT_FROM and (stays := finished(growing)):
            parts.append(partial(f"#growing-{self.item_id}", "beforebegin", html_of(growing[:stays])))
            self._finished += stays
            growing = growing[stays:]
        parts.append(partial(f"#growing-{self.item_id}", "innerHTML", html_of(growing)))
        return Markup().join(parts)

    def all(self) -> Markup:
        """The whole text, when no more of it comes."""
        begin = Markup() if self._sent >= 0 else self._begin()
        return begin + partial(f"#item-{self.item_id}", "innerHTML", html_of(self._text))

    def _begin(self) -> Markup:
        place = Markup('<div class="growing" id="growing-{}"></div>').format(self.item_id)
        text = piece("assistant/_text.html", item={"id": self.item_id, "html": place})
        return partial(f"#items-{self._turn_id}", "beforeend", text)


def finished(text: str) -> int:
    """How many of a Markdown text's first characters render the same whatever comes after them: all blocks but the last.

    Only whole lines count: `-` may become an underline or a list (CommonMark §4.3, §5.2). A block that was followed by
    another one is closed, and nothing opens it again (CommonMark, appendix "A parsing strategy").
    """
    whole_lines = text[: text.rfind("\n") + 1]
    starts = [token.map[0] for token in _blocks.parse(whole_lines) if token.level == 0 and token.map]
    last = max(starts, default=0)
    if not last:
        return 0
    ends = list(_END_OF_LINE.finditer(whole_lines))
    return ends[last - 1].end()
