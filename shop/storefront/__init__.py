"""Pages for people: the catalogue, the cart, checkout, orders, signing in and one's sessions.

Owns: routes and templates only. Public catalogue pages are plain queries; everything that is somebody's passes the gateway,
like an assistant's call: a click is a call without an actor (design §2).
Read next: `cart.py` (a click through the gateway), `sign_in.py`.
"""
