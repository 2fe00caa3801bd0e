"""The shop itself: products, variants, stock, carts, orders, addresses. It knows no identity and no AI.

An `owner` and an `organization` are opaque strings here; who they are, and who may do what, is decided before
anything in this package is called. `catalogue.py` is read by public pages; `carts.py` and `orders.py` are reached
by tools only (import contracts hold it), so nothing changes the store by another way than the gateway (invariant I1).
Read next: `models.py`, then `orders.py` (never sold twice).
"""
