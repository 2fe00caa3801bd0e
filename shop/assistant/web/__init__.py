"""The chat in a browser.

routes.py, conversation_routes.py, card_routes.py, widget_routes.py   what a page may ask; nothing is decided here
page.py, surroundings.py, presenter.py, cards.py, suggestions.py, partials.py
                                                                      what a page shows of a stored conversation
event_stream.py, growing_text.py                                      what a running turn adds to it, as server-sent events
responses.py                                                          the forms of an answer: stream, redirect, refusal
export.py                                                             a conversation as Markdown or JSON, for its person
"""
