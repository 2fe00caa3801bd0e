"""A person in front of a browser. What they do reads like the story; each step waits for what it shows, never for time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.devices import Device
from tests.browser.live_shop import LiveShop

ORDER_NUMBER = re.compile(r"CC-[0-9A-HJKMNP-TV-Z]{6}")


@dataclass
class Person:
    """Somebody with a browser of their own; `page` is the tab that they look at."""

    email: str
    shop: LiveShop
    context: BrowserContext
    device: Device
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()

    @property
    def name(self) -> str:
        """As their identity provider writes it."""
        return " ".join(part.capitalize() for part in self.email.partition("@")[0].split("."))

    # Going places ----------------------------------------------------------------------------------------------------

    def open(self, path: str) -> Page:
        """Open a page of the shop."""
        self.page.goto(self.shop.url(path))
        return self.page

    def new_tab(self, path: str) -> Page:
        """Open a page in another tab of the same browser."""
        page = self.context.new_page()
        page.goto(self.shop.url(path))
        return page

    def sign_in(self, then: str = "/") -> None:
        """Sign in and land on a page of the shop: e-mail, the provider's page, themselves."""
        self.open(f"/sign-in?next={quote(then, safe='')}")
        self.type_email()
        self.pick_themselves()
        expect(self.page).to_have_url(self.shop.url(then))
        self.page.wait_for_load_state("domcontentloaded")  # the address changes before the page is there

    def type_email(self) -> None:
        """Give the work e-mail on the sign-in page; the next page is the identity provider's."""
        self.page.get_by_label("Work e-mail").fill(self.email)
        self.page.get_by_role("button", name="Continue").click()
        expect(self.page.get_by_role("heading", name="Who are you today?")).to_be_visible()

    def pick_themselves(self) -> None:
        """Choose oneself on the identity provider's page."""
        self.page.get_by_role("button", name=self.name).click()

    # Talking ---------------------------------------------------------------------------------------------------------

    def say(self, words: str) -> Locator:
        """Send a message and wait until the answer is complete. Returns its turn."""
        turns = self.turns.count()
        self.begin_to_say(words)
        expect(self.turns).to_have_count(turns + 1)
        return self.answered()

    def begin_to_say(self, words: str) -> None:
        """Send a message, and go on at once."""
        self.page.locator("#message[aria-invalid]").wait_for()  # its script is there to send it
        self.page.get_by_role("textbox", name="Message to your assistant").fill(words)
        if self.device.is_phone:
            self.page.get_by_role("button", name="Send").tap()
        else:
            self.page.keyboard.press("Enter")

    def press(self, button: Locator) -> Locator:
        """Press a button that lets the assistant go on, and wait until its answer is complete. Returns its turn."""
        turns = self.turns.count()
        button.click()
        expect(self.turns).to_have_count(turns + 1)
        return self.answered()

    def edit_last(self, words: str) -> Locator:
        """Say the last message anew, and wait until the answer is complete. Returns its turn."""
        said = self.page.locator(".log > .turn .me").last
        before = said.locator("xpath=..").get_attribute("id")
        said.hover()
        said.get_by_role("button", name="Edit this message").click()
        self.begin_to_say(words)
        expect(self.page.locator(f"details.edited #{before}")).to_have_count(1)
        return self.answered()

    def menu(self, entry: str) -> None:
        """Choose something that can be done with the conversation."""
        self.page.get_by_role("button", name="This conversation").click()
        self.page.locator("#conversation-menu").get_by_text(entry).click()

    def close_menu(self) -> None:
        """Leave the menu, and what was opened from it, by the keyboard."""
        while self.page.locator(":popover-open").count():
            self.page.keyboard.press("Escape")

    def open_dock(self) -> Locator:
        """Open the assistant that is at hand on this page. Returns its panel."""
        self.page.get_by_role("button", name="Ask", exact=True).click()
        panel = self.page.locator("#dock-panel")
        expect(panel).to_be_visible()
        return panel

    def answered(self) -> Locator:
        """Wait until the latest turn has ended and its stream is closed. Returns the turn."""
        latest = self.page.locator(f"#{self.turns.last.get_attribute('id')}")  # this one, also when others follow
        expect(latest.locator(".foot")).not_to_have_attribute("data-state", "running")
        expect(self.page.locator("#chat.htmx-request")).to_have_count(0)
        return latest

    @property
    def turns(self) -> Locator:
        """The turns of the conversation on the page."""
        return self.page.locator(".turn")

    @property
    def notice(self) -> Locator:
        """What the page says over the composer."""
        return self.page.locator("#notice")

    @property
    def cart_link(self) -> Locator:
        """The cart in the header."""
        return self.page.locator("#cart-link")

    def chip(self, label: str) -> Locator:
        """What the assistant may do here, as its switch or its words say it."""
        return self.page.locator("#may .pill", has_text=label)

    # Reading the record ----------------------------------------------------------------------------------------------

    def audit_of(self, conversation: str) -> list[str]:
        """Open a conversation's audit view. Returns its entries: who, what, why, which rule, how decided."""
        self.open(f"/audit/conversations/{conversation}")
        return self.entries()

    def entries(self) -> list[str]:
        """The entries of the audit view on the page, in order."""
        expect(self.page.locator(".timeline")).to_be_visible()
        texts: list[str] = self.page.locator(".entry").evaluate_all(
            "entries => entries.map(entry => entry.textContent.replace(/\\s+/g, ' ').trim())"
        )
        return texts

    @property
    def conversation(self) -> str:
        """The id of the conversation on the page."""
        expect(self.page).to_have_url(re.compile(r"/assistant/cnv_\w+"))
        return self.page.url.rpartition("/")[2].partition("#")[0]


def in_order(entries: list[str], *expected: str | tuple[str, ...]) -> None:
    """Assert that entries which hold these words stand there in this order; others may stand between."""
    rest = iter(entries)
    for words in expected:
        wanted = (words,) if isinstance(words, str) else words
        if not any(all(word in entry for word in wanted) for entry in rest):
            raise AssertionError(
                f"{wanted} is not there, or not in this order, in:\n" + "\n".join(e[:200] for e in entries)
            )
