"""The shop itself. It knows no identity and no AI.

Owns: products, variants, stock, carts, orders, addresses. An `owner` and an `organization` are opaque strings here; who they
are, and who may do what, is decided before anything in this package is called. `catalogue.py` is read by public pages;
`carts.py`, `orders.py` and `addresses.py` are reached by tools only (import contracts hold it), so nothing changes what is
anybody's by another way than the gateway (invariant I1). Goods themselves come from the seed or from a foreign catalogue
(`import_file.py`, `import_goods.py`).
Read next: `models.py`, then `orders.py` (never sold twice), then `catalogue.py` and what it asks: `search_index.py`, the one
module that knows the engine, and `vocabulary.py`.
"""
