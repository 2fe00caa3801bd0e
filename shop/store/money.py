"""Money: whole minor currency units (EUR cents), never floating point."""

from __future__ import annotations


def euros(minor: int) -> str:
    """How people read an amount: `€1,058.00`."""
    sign = "-" if minor < 0 else ""
    return f"{sign}€{abs(minor) // 100:,}.{abs(minor) % 100:02d}"
