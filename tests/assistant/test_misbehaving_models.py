"""What comes of an answer, however a model's server sends it."""

from __future__ import annotations

import pytest

from shop.assistant.model.client import Model
from shop.assistant.model.failures import ModelError
from shop.assistant.model.response_events import ProposedCall, TextDelta
from shop.settings import Settings
from tests.assistant.misbehaving import CASES, Event, Outcome, sent
from tests.assistant.upstream import KEY, Upstream


@pytest.mark.holds("LLM05", "LLM10")
@pytest.mark.parametrize(("events", "expected"), CASES.values(), ids=CASES)
def test_an_answer_is_put_together_whatever_its_server_says_twice_or_not_at_all(
    upstream: Upstream, events: list[Event], expected: Outcome
) -> None:
    """Each call once and whole, each text once; what is cut runs no tool, and what is empty is a failure."""
    upstream.will(sent(*events))
    model = Model(Settings(openai_base_url=upstream.url, openai_api_key=KEY, model="fake-1", model_retries=0))
    text, calls, failure = "", [], None
    try:
        for event in model.stream([{"role": "user", "content": "hello"}]):
            if isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, ProposedCall):
                calls.append((event.name, event.arguments))
    except ModelError as error:
        failure = error.code
    assert Outcome(text, tuple(calls), failure) == expected
