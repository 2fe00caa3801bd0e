"""Full-text search on the database's own index: FTS5 on SQLite, `tsvector` with GIN on PostgreSQL.

The one module of the store that knows which engine it runs on (a named exception of the design). Both index the same two
columns of a product, `head` (name, category, colours, sizes) and `body` (everything else, and its filters as lexemes),
which `word_forms.py` has made; the engine splits at spaces and does nothing else to a word. Both keep the index in step
themselves, within the transaction that changes a product: SQLite by triggers, PostgreSQL by generated columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import DDL, ColumnElement, and_, bindparam, cast, column, event, literal_column, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, Session

from shop.store.models import Product

Alternatives = Sequence[str]
"""Tokens of which one is enough. They come from `word_forms.py`: letters, digits and `/` only."""
Column = ColumnElement[str] | InstrumentedAttribute[str]

_SQLITE = (
    "CREATE VIRTUAL TABLE product_index USING fts5("
    "head, body, content='products', content_rowid='position', tokenize=\"unicode61 tokenchars '/'\")",
    "CREATE TRIGGER product_indexed AFTER INSERT ON products BEGIN"
    " INSERT INTO product_index(rowid, head, body) VALUES (new.position, new.head, new.body); END",
    "CREATE TRIGGER product_unindexed AFTER DELETE ON products BEGIN"
    " INSERT INTO product_index(product_index, rowid, head, body)"
    " VALUES ('delete', old.position, old.head, old.body); END",
    "CREATE TRIGGER product_reindexed AFTER UPDATE OF position, head, body ON products BEGIN"
    " INSERT INTO product_index(product_index, rowid, head, body)"
    " VALUES ('delete', old.position, old.head, old.body);"
    " INSERT INTO product_index(rowid, head, body) VALUES (new.position, new.head, new.body); END",
)
_POSTGRESQL = (
    "ALTER TABLE products ADD COLUMN head_index tsvector"
    " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(head, ' '))) STORED",
    "ALTER TABLE products ADD COLUMN whole_index tsvector"
    " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(trim(head || ' ' || body), ' '))) STORED",
    "CREATE INDEX ix_products_head_index ON products USING gin (head_index)",
    "CREATE INDEX ix_products_whole_index ON products USING gin (whole_index)",
)
for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(Product.__table__, "after_create", _ddl.execute_if(dialect=_dialect))


def contains(
    db: Session, every: Sequence[Alternatives], *, in_head: bool = False, also: Column | None = None
) -> ColumnElement[bool]:
    """The condition that a product has a token of each of these alternatives: anywhere, or in its head.

    `also` is a column of the statement around it that holds one more token; such a condition is for counting the first
    few only, so the index is read row by row instead of as a whole.
    """
    if db.get_bind().dialect.name == "sqlite":
        groups = [_either(tokens, " OR ", '"') for tokens in every]
        asked = _question(f"head : ({' AND '.join(groups)})" if in_head else " AND ".join(groups), also, ' AND "', '"')
        index = table("product_index", column("rowid"))
        is_found = literal_column("product_index").bool_op("MATCH")(asked)
        if also is not None:
            return and_(is_found, index.c.rowid == Product.position)
        return Product.position.in_(select(index.c.rowid).where(is_found))
    asked = _question(" & ".join(_either(tokens, " | ", "'") for tokens in every), also, " & '", "'")
    indexed: ColumnElement[str] = literal_column("products.head_index" if in_head else "products.whole_index")
    return indexed.bool_op("@@")(cast(asked, TSQUERY))


def _either(tokens: Alternatives, join: str, quote: str) -> str:
    return f"({join.join(f'{quote}{token}{quote}' for token in tokens)})"


def _question(fixed: str, also: Column | None, join: str, end: str) -> ColumnElement[str]:
    """The question in the engine's own language, with a last token from a column where there is one."""
    text: ColumnElement[str] = bindparam("question", fixed, unique=True)
    if also is None:
        return text
    return bindparam("question", fixed + (join if fixed else join[-1]), unique=True).concat(also).concat(end)
