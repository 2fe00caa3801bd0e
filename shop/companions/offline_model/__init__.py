"""The offline model: a deterministic stand-in for a language model, on the OpenAI Responses API wire.

It owns nothing but the way from one request to one answer, and it remembers nothing between two requests: like a real
model it sees only instructions, input items and tool schemas. It imports nothing of the rest of `shop`.

One request travels through the modules in this order:

    wire.py        HTTP and JSON: validates the request, writes the response or its event stream
    memory.py      reads the input items: who said what, which calls ran, what they showed ("the second one")
    understand.py  one sentence -> clauses, each an intent with slots   (words: tokens.py and lexicon.py)
    context.py     completes a clause by what was said before it ("in M", "yes", "try again")
    plan.py        clauses -> the next tool call, or the final words    (its recipes: goods.py, basket.py, orders.py)
    gullible.py    the one deliberate weakness, so that people can watch the gateway stop it
    say.py         every sentence that the model says                   (its small words: wording.py)

To teach it a new sentence: a word goes into `lexicon.py`, a form into the rules of `understand.py`, a new ability into
a recipe. Nothing here decides what is allowed; that is the gateway's, and this model is free to ask for anything.
"""

from shop.companions.offline_model.wire import create_wsgi_app

__all__ = ["create_wsgi_app"]
