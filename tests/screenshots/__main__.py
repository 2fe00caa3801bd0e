"""Take the documents' pictures anew: `uv run python -m tests.screenshots [NAME …]`.

The program is started as anyone starts it, with a data folder of its own; Sofia signs in and shops by talking, and Ada reads
the audit. Each picture is taken in the light theme and in the dark one, the phone's as a phone has it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import find_browser, launch_arguments
from tests.browser.devices import DESKTOP, PHONE, Device
from tests.browser.live_shop import LiveShop, RunningShop
from tests.browser.person import Person

HERE = Path(__file__).parent
QUALITY = 82
"""Of JPEG: what a screen of text needs."""

Scene = Callable[[Person], None]
Scheme = Literal["light", "dark"]


def shelf(sofia: Person) -> None:
    """The shop's first view."""
    sofia.open("/")


def receipt(sofia: Person) -> None:
    """Refused, allowed, and now waiting for the person: the receipt of one exact order."""
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    sofia.say("add the second one")
    sofia.press(sofia.page.get_by_role("button", name="Allow in this conversation"))
    sofia.say("check out")
    expect(sofia.page.locator(".receipt").last).to_be_in_viewport()


def product(sofia: Person) -> None:
    """A page of the shop, with the assistant at hand."""
    sofia.sign_in("/products/context-tee?colour=rust&size=M")
    sofia.open_dock()


def audit(sofia: Person) -> None:
    """What happened in the conversation, as the organization's auditor reads it."""
    receipt(sofia)
    sofia.press(sofia.page.get_by_role("button", name="Confirm €"))
    sofia.say("and twelve more for the team")
    conversation = sofia.conversation
    sofia.context.clear_cookies()
    ada = Person("ada.quist@acme.example", sofia.shop, sofia.context, sofia.device)
    ada.sign_in(f"/audit/conversations/{conversation}")
    sofia.page = ada.page


SCENES: dict[str, tuple[Device, Scene]] = {
    "shelf": (DESKTOP, shelf),
    "receipt": (DESKTOP, receipt),
    "product": (DESKTOP, product),
    "audit": (DESKTOP, audit),
    "phone": (PHONE, receipt),
}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def photograph(browser: Browser, shop: LiveShop, name: str, scheme: Scheme) -> Path:
    """Play a scene on the shop's first day, and take its picture."""
    device, scene = SCENES[name]
    shop.reset()
    context = browser.new_context(**device.options(), color_scheme=scheme, reduced_motion="reduce")
    try:
        person = Person("sofia.hart@acme.example", shop, context, device)
        scene(person)
        person.page.wait_for_load_state("networkidle")
        picture = HERE / f"{name}-{scheme}.jpg"
        person.page.screenshot(path=picture, type="jpeg", quality=QUALITY)
    finally:
        context.close()
    return picture


def main(names: list[str]) -> int:
    """Take the pictures of these names, or all. Returns the exit status."""
    if unknown := set(names) - set(SCENES):
        print(f"There is no picture {', '.join(sorted(unknown))}. There are: {', '.join(SCENES)}.", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningShop(Path(folder)) as shop,
        sync_playwright() as playwright,
    ):
        kind = playwright.chromium
        browser = kind.launch(executable_path=find_browser(kind), args=launch_arguments())
        for name in names or SCENES:
            for scheme in SCHEMES:
                print(photograph(browser, shop, name, scheme).name)
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
