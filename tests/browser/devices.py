"""What people hold in their hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Device:
    """A kind of screen."""

    name: str
    width: int
    height: int
    is_phone: bool = False

    def options(self) -> dict[str, Any]:
        """As Playwright's contexts want it."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "has_touch": self.is_phone,
            "is_mobile": self.is_phone,
        }


DESKTOP = Device("desktop", 1360, 980)
PHONE = Device("phone", 390, 844, is_phone=True)
DEVICES = [DESKTOP, PHONE]
