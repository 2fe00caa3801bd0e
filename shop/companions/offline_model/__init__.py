"""The offline model: a deterministic stand-in for a language model, on the OpenAI Responses API wire.

It owns nothing but the way from one request to one answer, and it remembers nothing between two requests: like a real
model it sees only instructions, input items and tool schemas. It imports nothing of the rest of `shop`.

One request travels through the modules in this order:

    wire.py        HTTP and JSON: validates the request, writes the response or its event stream
    conversation.py  the input items: who said what, on which page, which calls ran with what outcome
    memory.py        what these calls showed, and so what "the second one" and "it" mean
    kinds.py         a message -> sentences, each a question, a refusal, or a wish or remark: only a wish may change something
    topics.py        what is asked of the shop or of the assistant itself, and other languages: data, found by similarity
    tokens.py        a sentence -> tagged words  (lexicon.py, phrases.py; spelling.py forgives mistakes)
    understand.py    tagged words -> clauses, each an intent with slots, and the words that nothing explains
                     (splitting.py, naming.py, rules.py, slots.py; relations.py lets clauses complete each other)
    context.py       completes a clause by what was said before it: "in M", "yes", "no, the blue one"  (fragments.py, focus.py)
    plan.py          clauses -> the next tool call, or the final words  (recipes: goods.py, basket.py, orders.py; finding.py)
    gullible.py      the one deliberate weakness, so that people can watch the gateway stop it
    say.py           every sentence that the model says  (say_goods.py, say_cart.py, wording.py)

A change is made only for a wish all of whose words are understood; else the words that were not are named. To teach it: a
fact or a way to ask for it goes into `seed_data/assistant/`, a word into `lexicon.py`, a turn of speech into `phrases.py`, a form into the table of
`rules.py`, a new ability into a recipe. Then label it in `tests/companions/offline_model/sentences.toml`. Nothing here decides what is allowed; that is the gateway's, and this model is free to ask for anything.
"""

from shop.companions.offline_model.wire import create_wsgi_app

__all__ = ["create_wsgi_app"]
