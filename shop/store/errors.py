"""What is asked of the store and cannot be done, each with a code that is stable and words for a person."""

from __future__ import annotations


class StoreError(Exception):
    """Something asked of the store cannot be done. `code` is stable; the message is for a person to read."""

    code = "unavailable"


class NotThere(StoreError):
    """No such product, variant or address."""

    code = "not_found"


class OutOfStock(StoreError):
    """Fewer are left than were asked for."""

    code = "out_of_stock"


class CartEmpty(StoreError):
    """There is nothing to order."""

    code = "cart_empty"


class NotCancellable(StoreError):
    """The order is past the point where it can be cancelled."""

    code = "not_cancellable"


class NothingToUndo(StoreError):
    """The cart changed since, or nothing was ever changed in it."""

    code = "nothing_to_undo"
