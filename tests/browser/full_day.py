"""A full day in a store, logged by the clock of that day, and the web process that shows it to a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, BrowserContext
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop
from tests.support.sign_in import sign_in_again

CONCERNS = 40
WORDS = (
    (
        "We ordered forty minutes ago and nobody has been at our table since. Twice somebody walked by and said it "
        "would be a moment, the people beside us came after us and are paying already, and the children are tired. We "
        "do not want to make a fuss, but a word of what is going on would have been enough, and nobody had one."
    ),
    "The soup was cold and the bread was from yesterday.",
    "The bill has a bottle on it that we did not have, and nobody wants to look into it.",
    "It is my mother's birthday and the table by the window was promised to us.",
    "The lamp over the table flickers, one cannot read the menu.",
)
WANTED = ("Something hot, soon", None, "That it is taken off the bill", "A word from somebody", None)
ABOUT = (("waiting-time", "kitchen"), ("food", "cold"), ("food", None), ("waiting-time", None), (None, None))
GIVEN = (["apology"], ["remake", "apology"], ["voucher"], ["apology"], ["voucher", "apology"])
AFTER = (4, 5, 4, 3, 4)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        """The application says itself what it answered."""


@dataclass
class FullDay:
    """A signed day of forty concerns with praise, notes and an amendment; `url` is its log."""

    url: str
    tokens: dict[str, str]

    @contextmanager
    def reader(
        self, browser: Browser, language: str = "en", by: str = "manager", **options: Any
    ) -> Iterator[BrowserContext]:
        """A browser that shows it to one of its people."""
        shown = {"viewport": {"width": 1100, "height": 900}, "locale": language, **options}
        context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {self.tokens[by]}"}, **shown)
        yield context
        context.close()


@contextmanager
def full_day(url: str) -> Iterator[FullDay]:
    """Tell the day into this migrated database, and serve it."""
    app = App(url)
    shop = make_shop(app.back_office, "harbour")
    _tell(app, shop)
    server = make_server("127.0.0.1", 0, app.flask, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    log = f"/v1/stores/{shop.store_id}/recovery-logs/{NOON.date()}"
    yield FullDay(f"http://127.0.0.1:{server.port}{log}", shop.tokens)
    server.shutdown()
    thread.join()
    server.server_close()
    app.close()


def _tell(app: App, shop: Shop) -> None:
    """Log lunch and dinner: a few concerns stay open, one has a follow-up, one was forgotten."""
    for number in range(CONCERNS):
        gap = 4 if number % 20 else 150 if number else 0
        app.clock.move(minutes=gap)
        _concern(app, shop, number)
    for words in ("The waiter knew the wine by heart.", "So patient with our children."):
        praise = {"kind": "praise", "mood": 5, "their_words": words, "praised_id": str(shop.staff["colleague"])}
        _logged(app, shop, "floor", praise)
    log = f"/v1/stores/{shop.store_id}/recovery-logs/{NOON.date()}"
    notes = {
        "went-well": "Lunch was calm, the new rota holds.",
        "to-improve": "Two of us were alone in the kitchen from eight.",
        "tomorrow": "Call table 12 before noon. The lamp is still broken.",
    }
    _ask(app, shop, "manager", "PATCH", log, {"notes": notes})
    app.clock.at = NOON + timedelta(days=1)
    _ask(app, shop, "manager", "POST", f"{log}/sign-off", None)
    forgotten = {"mood": 2, "occurred_at": NOON.isoformat(), "their_words": "Nobody said that it takes an hour."}
    _logged(app, shop, "floor", forgotten)
    amendment = {"reason": "Found out in the morning.", "text": "The oven was out from eight to nine."}
    _ask(app, shop, "manager", "POST", f"{log}/amendments", amendment)
    # A day later the sign-in of head office is over.
    sign_in_again(app, shop, "hq", "manager")


def _concern(app: App, shop: Shop, number: int) -> None:
    kind = number % 5
    category, cause = ABOUT[kind]
    concern = {
        "mood": (1, 2, 2, 3, 2)[kind],
        "place": ("table-12", "table-1")[number % 2],
        "their_words": WORDS[kind],
        "wanted": WANTED[kind],
        "category": category,
        "cause": cause,
    }
    by, taker = ("floor", "colleague")[number % 2], ("manager", "colleague", "floor")[number % 3]
    id_ = _logged(app, shop, by, concern)
    if number == 37:
        promise = {"kind": "call", "what": "Call and say when the table is free", "due_at": "2026-03-03T23:00:00Z"}
        _ask(app, shop, by, "POST", f"/v1/concerns/{id_}/follow-ups", promise)
    if number in (19, 37):
        return
    app.clock.move(minutes=(0.5, 3, 6, 1.5, 12)[(number * 3 + kind) % 5])
    _ask(app, shop, taker, "POST", f"/v1/concerns/{id_}/take", None)
    app.clock.move(minutes=2)
    for remedy in GIVEN[kind]:
        _ask(app, shop, taker, "POST", f"/v1/concerns/{id_}/recovery-actions", {"remedy": remedy})
    ended = {"outcome": "lost" if number % 9 == 8 else "recovered", "mood_after": 2 if number % 9 == 8 else AFTER[kind]}
    _ask(app, shop, taker, "POST", f"/v1/concerns/{id_}/resolve", ended)


def _logged(app: App, shop: Shop, by: str, told: dict[str, Any]) -> str:
    return str(_ask(app, shop, by, "POST", "/v1/concerns", {**told, "store_id": str(shop.store_id)})["id"])


def _ask(app: App, shop: Shop, by: str, method: str, path: str, body: Any) -> Any:
    answer = app.request(method, path, (shop, by), json=body, headers={"If-Match": "*"})
    assert answer.status_code < 300, answer.text
    return answer.json


def sheets(pdf: bytes) -> int:
    """How many pages were printed: a browser writes one object of this type for each."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
