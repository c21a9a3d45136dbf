"""A real browser before the running application: what a customer with a phone sees."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.processes import RunningApp

PHONE = {"width": 390, "height": 844}
LANGUAGES = ("en", "pt", "es")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Root needs the first; the others keep it from asking for anything that is not the page.
QUIETLY = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine, without a window. `make browser` says how to get one."""
    executable = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    assert executable, "there is no Chromium here; on Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIETLY))
        yield browser
        browser.close()


@dataclass
class DemoPages:
    """The demo's restaurant, with somebody signed in who makes links, and the administrator who makes codes."""

    server: RunningApp
    floor: str
    admin: str
    store_id: str

    @classmethod
    def of(cls, server: RunningApp) -> "DemoPages":
        floor, admin = (server.sign_in("demo", login, f"demo-{login}-2468") for login in ("floor", "admin"))
        (store,) = server.request("GET", "/v1/stores", floor).json()["items"]
        return cls(server, floor, admin, store["id"])

    def asked(self) -> tuple[dict[str, Any], str]:
        """A concern that is over, and the link for its customer."""
        over = {"mood": 3, "outcome": "recovered", "mood_after": 4, "place": "table-12"}
        concern = self._made("/v1/concerns", self.floor, over)
        return concern, self._made(f"/v1/concerns/{concern['id']}/feedback-requests", self.floor, {})["link"]

    def code(self) -> str:
        """Where a new code of table 12 leads."""
        made = self._made(f"/v1/stores/{self.store_id}/standing-qrs", self.admin, {"place": "table-12"})
        return str(made["link"])

    def concern(self, id_: str) -> dict[str, Any]:
        concern: dict[str, Any] = self.server.request("GET", f"/v1/concerns/{id_}", self.floor).json()
        return concern

    def newest(self) -> dict[str, Any]:
        concern: dict[str, Any] = self.server.request("GET", "/v1/concerns?limit=1", self.floor).json()["items"][0]
        return concern

    def _made(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.server.request("POST", path, token, json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


@contextmanager
def phone(browser: Browser, language: str, **options: Any) -> Iterator[BrowserContext]:
    """A customer's phone that is set to this language."""
    context = browser.new_context(viewport=PHONE, locale=language, device_scale_factor=2, **options)
    yield context
    context.close()


def walk_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"nobody gets to {selector} by keyboard")
