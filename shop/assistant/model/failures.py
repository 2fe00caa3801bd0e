"""What can go wrong at a model's server: a code for the record, a sentence for the person, and whether to ask again."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openai

LONGEST_PAUSE = 20.0
"""Seconds that a server may ask us to wait: with more, the person is told instead of kept waiting."""
_SHORT_PAUSE = 0.5
"""Seconds before another try when the server did not say how long."""


class ModelError(Exception):
    """The model or its connection failed. `code` is for the record; title and text are for the person."""

    def __init__(self, code: str, title: str, text: str) -> None:
        super().__init__(code)
        self.code, self.title, self.text = code, title, text


def lost() -> ModelError:
    """The stream ended before the answer did."""
    return ModelError("connection_lost", "The assistant broke off", "The connection to the model was lost.")


class ContextExceeded(ModelError):
    """What was sent is more than the model can take at once."""

    def __init__(self) -> None:
        super().__init__(
            "context_exceeded",
            "This conversation has grown too long",
            "The model can take no more of it. Begin a new conversation to go on.",
        )


_CONTEXT_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
"""OpenAI's and Azure's code, and llama.cpp's type."""
_CONTEXT_WORDS = re.compile(
    r"maximum context length|exceed[^.]{0,80}\bcontext|\bcontext (?:window|size|length)[^.]{0,40}(?:exceed|overflow)"
    r"|prompt[^.]{0,60}too long|longer than the maximum model length|max_tokens must be at least 1, got -"
    r"|input token count[^.]{0,60}exceed|reduce the length of (?:the|your) (?:messages|prompt|input)",
    re.IGNORECASE,
)
"""How servers without a code of their own say it: vLLM (several wordings over time), Ollama, llama-cpp-python and gateways."""


def is_context_exceeded(message: object, *codes: object) -> bool:
    """Whether an error of a server means that the input was too long for the model, by a code or type, or by its words."""
    return not _CONTEXT_CODES.isdisjoint(map(str, codes)) or bool(_CONTEXT_WORDS.search(str(message)))


def empty() -> ModelError:
    """The answer came to its end, and nothing was in it."""
    return ModelError(
        "empty_answer", "The assistant said nothing", "The model's answer came to its end without a word."
    )


def unreadable() -> ModelError:
    """What came is no answer: an event without what it needs, or a shape that nobody knows."""
    return ModelError("garbled", "The assistant broke off", "The model's server sent something that could not be read.")


def too_much() -> ModelError:
    """The model wrote more into the arguments of its calls than any tool here takes."""
    return ModelError("too_much", "The assistant broke off", "The model wrote more than this shop can take.")


def incomplete() -> ModelError:
    """The model was cut off: by its own limit, or by a filter of its server."""
    return ModelError("incomplete", "The assistant broke off", "The model stopped before its answer was complete.")


def gave_up(code: object = None, message: object = None, kind: object = None) -> ModelError:
    """The server itself says, in the stream, that it could not; `code`, `message` and `kind` are what it gives."""
    if is_context_exceeded(message, code, kind):
        return ContextExceeded()
    if code == "rate_limit_exceeded":
        return _rate_limited(None)
    return ModelError("upstream_failed", "The assistant cannot answer", "The model's server gave up on this answer.")


def from_upstream(error: Exception, model: str) -> ModelError:
    """The failure that an exception of the SDK or its transport stands for, whatever the server said in it."""
    import httpx2
    import openai

    match error:
        case openai.APITimeoutError():
            return ModelError("timeout", "The assistant took too long", "The model did not answer in time.")
        case openai.AuthenticationError():
            return ModelError(
                "unauthorized", "The assistant is not set up", "The model's server refused this shop's key."
            )
        case openai.RateLimitError():
            return _rate_limited(asked_to_wait(error))
        case openai.APIStatusError(status_code=413):
            return ContextExceeded()
        case openai.APIStatusError() if is_context_exceeded(error.message, error.code, error.type):
            return ContextExceeded()
        case openai.APIStatusError(status_code=404 | 405 | 501):
            return _not_there(error, model)
        case openai.APIStatusError():
            return ModelError(
                f"upstream_{error.status_code}",
                "The assistant cannot answer",
                "The model's server answered with an error.",
            )
        case openai.APIConnectionError() | httpx2.HTTPError():
            return lost()
        case openai.OpenAIError():
            return gave_up(getattr(error, "code", None), error, getattr(error, "type", None))
        case _:  # the SDK parses JSON, but checks no shapes
            return unreadable()


def pause_before_retry(error: openai.APIError) -> float | None:
    """Seconds after which the same request is worth another try; None when it is not."""
    import openai

    match error:
        case openai.APITimeoutError():
            return None  # the person has waited long enough
        case openai.RateLimitError(code="insufficient_quota"):
            return None  # no waiting helps
        case openai.RateLimitError() | openai.InternalServerError():
            asked = asked_to_wait(error)
            pause = _SHORT_PAUSE if asked is None else asked
            return pause if pause <= LONGEST_PAUSE else None
        case openai.APIConnectionError():
            return _SHORT_PAUSE
        case _:
            return None


def asked_to_wait(error: openai.APIStatusError) -> float | None:
    """Seconds that the server asks us to wait (RFC 9110 §10.2.3: a number, or a date), or None."""
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        asked = headers.get(name, "")
        try:
            return max(0.0, float(asked) / unit)
        except ValueError:
            continue
    try:  # the difference of two dates of the server's, so that no clock of ours matters
        wait: timedelta = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def refuses_include(error: openai.BadRequestError) -> bool:
    """Whether the server takes the request, but for what it was asked to include: models that do not reason."""
    return error.param == "include" or "encrypted content" in error.message.lower()


def _rate_limited(seconds: float | None) -> ModelError:
    if seconds is None:
        wait = "a little"
    else:
        wait = f"{seconds:.0f} seconds" if seconds < 100 else f"about {seconds / 60:.0f} minutes"
    return ModelError("rate_limited", "The assistant is busy", f"The model's server asks us to wait {wait}.")


def _not_there(error: openai.APIStatusError, model: str) -> ModelError:
    """No such model, or no such address: servers that speak only Chat Completions answer so."""
    if error.status_code == 404 and "model" in error.message.lower():
        return ModelError(
            "no_such_model",
            "The assistant is not set up",
            f"The model's server has no model {model!r}. Set SHOP_MODEL to one that it has.",
        )
    return ModelError(
        "no_responses_api",
        "The assistant is not set up",
        "The model's server does not speak the Responses API. Use one that answers at OPENAI_BASE_URL/responses, such as a "
        "current Ollama, vLLM or llama.cpp; OPENAI_BASE_URL usually ends in /v1.",
    )
