"""A year in which an organization changes nearly everything by API, while concerns come in, also by old phones.

At the end of each month the reports are a recount of the rows, and no concern has lost its category. The quick profile
lives through the first three months, the deep one through all: comparing every report each month takes long.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from models.organizations.store import Store
from models.staff.credentials.staff_session import StaffSession
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.vocabulary import edit_word, merge, words
from tests.support.oracle.raw_rows import read_raw_rows
from tests.support.oracle.recounted_organization import RecountedOrganization
from tests.support.profiles import by_profile, longer
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

MONTHS = by_profile(quick=3, deep=12)
CONCERNS_PER_MONTH = 9
GROUPINGS = ((), ("category", "cause"), ("category", "month"), ("store", "month"), ("region",), ("day",), ("cause",))
LOGGED_BY = {"first": "floor", "second": "elsewhere"}


@dataclass
class LoggedConcern:
    """A concern, with the ids of the words that were meant when they were chosen on the phone."""

    id: str
    category_id: str
    cause_id: str | None


@dataclass
class Year:
    """An organization that changes; `known` are the words that each phone has learnt: of this month and the last."""

    app: App
    rng: Random = field(default_factory=lambda: Random(14))
    logged: list[LoggedConcern] = field(default_factory=list)
    known: list[list[dict[str, Any]]] = field(default_factory=list)
    merged_into: dict[str, str] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=dict)
    key: str = ""
    old_key: str = ""

    def __post_init__(self) -> None:
        self.organization = RecountedOrganization(self.app)
        self.shop = self.organization.shop
        self.stores = {"first": str(self.shop.store_id), "second": str(self.shop.other_store_id)}
        self.sign_in()
        made = self.admin("POST", "/v1/api-keys", name="BI", scopes=["reports:read"])
        self.key_id, self.key = made["id"], made["token"]

    def admin(self, method: str, path: str, /, **body: Any) -> Any:
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        answer = self.app.request(method, path, (self.shop, "admin"), json=body or None, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json

    def change_store(self, name: str, /, **changes: Any) -> None:
        self.admin("PATCH", f"/v1/stores/{self.stores[name]}", **changes)

    def change_word(self, slug: str, /, **changes: Any) -> None:
        answer = edit_word(self.app, self.shop, "categories", slug, **changes)
        assert answer.status_code == 200, answer.text

    def merge_words(self, kind: str, slug: str, into: str) -> None:
        known = {word["slug"]: word["id"] for word in self.current_words(kind)}
        answer = merge(self.app, self.shop, kind, slug, into)
        assert answer.status_code == 200, answer.text
        self.merged_into[known[slug]] = known[into]

    def current_words(self, kind: str = "categories") -> list[dict[str, Any]]:
        categories = words(self.app, self.shop, "categories").values()
        return [*categories] if kind == "categories" else [cause for of in categories for cause in of["causes"]]

    def learn(self) -> None:
        """Let the phones that are online fetch the words that are offered now."""
        self.known.append([word for word in self.current_words() if not word["retired"]])

    def log(self, at: datetime) -> None:
        """Log a concern in an open store, by a phone of today or by one that was offline since last month."""
        self.app.clock.at = at
        name = self.rng.choice([*LOGGED_BY])
        phone = self.known[max(0, len(self.known) - self.rng.choice((1, 1, 2)))]
        category = self.rng.choice(phone)
        cause = self.rng.choice([None, *(cause for cause in category["causes"] if not cause["retired"])])
        body = {"mood": self.rng.randint(1, 4), "store_id": self.stores[name], "category": category["slug"]}
        if cause:
            body["cause"] = cause["slug"]
        answer = self.app.request("POST", "/v1/concerns", (self.shop, LOGGED_BY[name]), json=body)
        assert answer.status_code == 201, answer.text
        self.logged.append(LoggedConcern(answer.json["id"], category["id"], cause["id"] if cause else None))
        if name == "first":
            self.put_right(answer.json["id"])

    def put_right(self, concern_id: str) -> None:
        """Give a voucher in the currency that the store has on that day, and resolve the concern now and then."""
        with self.app.back_office.reading(self.shop.organization_id) as session:
            store = session.get_one(Store, (self.shop.organization_id, self.shop.store_id))
            currency = store.currency_on(store.business_date(self.app.clock()))
        cost = {"amount": self.rng.randint(1, 900), "currency": currency}
        path = f"/v1/concerns/{concern_id}"
        body: dict[str, Any] = {"remedy": "voucher", "cost": cost}
        assert (
            self.app.request("POST", f"{path}/recovery-actions", (self.shop, "manager"), json=body).status_code == 201
        )
        if self.rng.random() < 0.5:
            body = {"outcome": self.rng.choice(["recovered", "lost"]), "mood_after": 3}
            assert self.app.request("POST", f"{path}/resolve", (self.shop, "manager"), json=body).status_code == 200

    def sign_in(self) -> None:
        """Sign everybody in again: a sign-in lasts a month, that of an administrator half a day."""
        with self.app.back_office.writing(self.shop.organization_id) as session:
            for login, staff_id in self.shop.staff.items():
                staff = session.get_one(Staff, (self.shop.organization_id, staff_id))
                self.shop.tokens[login] = StaffSession.open(session, staff=staff, at=self.app.clock())[1].text

    def other_region(self) -> str:
        """Return the region that the second store had at first."""
        regions = self.admin("GET", "/v1/regions")["items"]
        return str(next(region["id"] for region in regions if region["slug"] == "there"))

    def differences(self, month: date) -> list[Any]:
        """Return the reports that are no recount: of this month, and of the year so far."""
        with self.app.database.reading(self.shop.organization_id) as session:
            raw = read_raw_rows(session, self.organization.stores)
        last = self.app.clock().date() + timedelta(days=2)
        spans = ({"from_date": month, "to_date": last}, {"from_date": date(2026, 1, 1), "to_date": last})
        return [
            (span, group_by)
            for span in spans
            for group_by in GROUPINGS
            if not self.organization.agrees(raw, span, group_by)
        ]

    def lost_categories(self) -> list[LoggedConcern]:
        """Return the concerns that do not show the word that was meant, or what it was merged into."""
        slugs = {word["id"]: word["slug"] for kind in ("categories", "causes") for word in self.current_words(kind)}
        category_of = {cause["id"]: of["id"] for of in self.current_words() for cause in of["causes"]}
        wrong = []
        shown_by_id = self.shown_concerns()
        for concern in self.logged:
            shown = shown_by_id[concern.id]
            cause_id = self.now(concern.cause_id) if concern.cause_id else None
            category_id = category_of[cause_id] if cause_id else self.now(concern.category_id)
            if (shown["category"], shown["cause"]) != (slugs[category_id], slugs.get(cause_id or "")):
                wrong.append(concern)
        return wrong

    def shown_concerns(self) -> dict[str, dict[str, Any]]:
        """Return all concerns by id, as the list shows them."""
        shown: dict[str, dict[str, Any]] = {}
        after = ""
        while True:
            page = self.admin("GET", f"/v1/concerns?limit=100{after}")
            shown |= {concern["id"]: concern for concern in page["items"]}
            if not page["next_cursor"]:
                return shown
            after = f"&cursor={page['next_cursor']}"

    def now(self, word_id: str) -> str:
        while word_id in self.merged_into:
            word_id = self.merged_into[word_id]
        return word_id

    def status_of_key(self, token: str) -> int:
        path = "/v1/reports/recovery?from=2026-01-01&to=2026-01-31"
        return self.app.request("GET", path, headers={"Authorization": f"Bearer {token}"}).status_code

    def rotate_key(self) -> None:
        self.old_key, self.key = self.key, self.admin("POST", f"/v1/api-keys/{self.key_id}/rotate")["token"]
        assert (self.status_of_key(self.old_key), self.status_of_key(self.key)) == (200, 200)


def january(year: Year) -> None:
    causes = [{"slug": "wasps", "name": "Wasps"}, {"slug": "no-shade", "name": "No shade"}]
    year.admin("POST", "/v1/categories", slug="terrace", name="Terrace", names={"pt": "Esplanada"}, causes=causes)
    year.change_word("food", slug="dishes", name="Dishes")


def february(year: Year) -> None:
    year.change_word("waiting-time", retired=True)
    year.change_store("first", currency="USD")
    year.rotate_key()


def march(year: Year) -> None:
    year.merge_words("causes", "wasps", "no-shade")
    year.change_store("first", time_zone="America/New_York")


def april(year: Year) -> None:
    assert year.status_of_key(year.old_key) == 401
    year.merge_words("categories", "terrace", "dishes")
    year.change_store("second", region_id=str(year.shop.region_id))
    year.admin("POST", f"/v1/stores/{year.stores['second']}/close")


def may(year: Year) -> None:
    year.change_word("waiting-time", retired=False)
    year.admin("POST", f"/v1/stores/{year.stores['second']}/reopen")
    year.change_store("first", day_starts_at="06:30:00")


def june(year: Year) -> None:
    year.change_word("dishes", slug="food", name="Food again")
    year.change_store("second", time_zone="Asia/Tokyo", day_starts_at="00:00:00")


def july(year: Year) -> None:
    year.admin("POST", "/v1/categories", slug="drinks", name="Drinks", causes=[{"slug": "flat", "name": "Flat"}])
    year.change_store("first", currency="EUR", time_zone="Europe/Lisbon", day_starts_at="04:00:00")


def august(year: Year) -> None:
    year.merge_words("categories", "food", "drinks")
    year.rotate_key()


def september(year: Year) -> None:
    year.change_word("drinks", slug="food-and-drinks", name="Food and drinks")
    year.admin("POST", f"/v1/stores/{year.stores['second']}/close")


def october(year: Year) -> None:
    year.admin("POST", f"/v1/stores/{year.stores['second']}/reopen")
    year.change_store("second", region_id=year.other_region())


def november(year: Year) -> None:
    year.merge_words("causes", "flat", "no-shade")
    year.change_store("second", time_zone="Pacific/Kiritimati")


def december(year: Year) -> None:
    year.admin("POST", f"/v1/api-keys/{year.key_id}/revoke")
    assert (year.status_of_key(year.old_key), year.status_of_key(year.key)) == (401, 401)
    year.change_word("waiting-time", name="Waiting", slug="waiting", retired=True)


CHANGES: tuple[Callable[[Year], None], ...] = (
    january, february, march, april, may, june, july, august, september, october, november, december
)  # fmt: skip


@longer
def test_reports_add_up_and_no_concern_loses_its_category(app: App) -> None:
    app.clock.at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    year = Year(app)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        for number, change in enumerate(CHANGES[:MONTHS], 1):
            first = datetime(2026, number, 1, 10, tzinfo=UTC)
            app.clock.at = first
            year.sign_in()
            year.learn()
            moments = sorted(
                first + timedelta(minutes=year.rng.randrange(26 * 24 * 60)) for _ in range(CONCERNS_PER_MONTH)
            )
            for at in moments[: CONCERNS_PER_MONTH // 2]:
                year.log(at)
            year.sign_in()
            change(year)
            for at in moments[CONCERNS_PER_MONTH // 2 :]:
                year.log(at)
            app.clock.at = first + timedelta(days=27)
            year.sign_in()
            assert year.differences(first.date()) == [], f"dirty, month {number}"
            assert year.lost_categories() == []
            work_until_idle(worker)
            year.organization.refresh_all()
            assert year.differences(first.date()) == [], f"clean, month {number}"
            assert year.lost_categories() == []
