"""Phones that only poll: whatever happens, the next poll of a home screen shows it, and is 304 where nothing did.

Random acts of colleagues, customers, managers, administrators, another store, the worker and the clock. After each one
four people ask with the ETag they have, and what they hold then is compared with a fresh read.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code
from tests.support.profiles import by_profile
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

POLLING = ("floor", "manager", "regional", "admin")
CUSTOMERS = [{"name": f"Guest {number}", "phone": f"912 345 67{number}"} for number in range(3)]


class PolledStore:
    """An organization in which something happens at every step, and the phones that ask what."""

    def __init__(self, app: App, shop: Shop, worker: Worker, rng: Random) -> None:
        self.app, self.shop, self.worker, self.rng = app, shop, worker, rng
        self.concerns: list[str] = []
        self.actions: list[str] = []
        self.follow_ups: list[str] = []
        self.customers: list[str] = []
        self.held: dict[str, tuple[str, dict[str, Any]]] = {}
        self.polls: Counter[int] = Counter()

    def send(self, by: str, method: str, path: str, **body: Any) -> Any:
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        answer = self.app.request(method, path, (self.shop, by), json=body or None, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer

    def someone(self) -> str:
        return self.rng.choice(("floor", "colleague", "manager"))

    def log(self) -> None:
        of_sense = {"place": "table-12", "category": "food", "customer": self.rng.choice(CUSTOMERS)}
        body = {name: value for name, value in of_sense.items() if self.rng.random() < 0.7}
        body |= {"mood": self.rng.randint(1, 5), "store_id": str(self.shop.store_id)}
        logged = self.send(self.someone(), "POST", "/v1/concerns", **body, sensitive=self.rng.random() < 0.1).json
        self.concerns.append(logged["id"])
        if logged["customer_id"]:
            self.customers.append(logged["customer_id"])

    def log_elsewhere(self) -> None:
        body = {"mood": 1, "store_id": str(self.shop.other_store_id)}
        assert self.send("elsewhere", "POST", "/v1/concerns", **body).status_code == 201

    def move_concern(self) -> None:
        if not self.concerns:
            return
        verb = self.rng.choice(("take", "release", "resolve", "reopen", "void"))
        body = {"resolve": {"outcome": "recovered"}, "void": {"reason": "Twice."}}.get(verb, {})
        self.send(self.someone(), "POST", f"/v1/concerns/{self.rng.choice(self.concerns)}/{verb}", **body)

    def edit_concern(self) -> None:
        if not self.concerns:
            return
        change = self.rng.choice(
            ({"mood": 1}, {"place": None}, {"category": "food"}, {"customer_confirmed": True}, {"customer_id": None})
        )
        self.send("manager", "PATCH", f"/v1/concerns/{self.rng.choice(self.concerns)}", **change)

    def give(self) -> None:
        if not self.concerns:
            return
        body = {"remedy": "voucher", "cost": {"amount": self.rng.choice((500, 1500, 2500)), "currency": "EUR"}}
        path = f"/v1/concerns/{self.rng.choice(self.concerns)}/recovery-actions"
        answer = self.send(self.someone(), "POST", path, **body)
        self.actions += [answer.json["id"]] if answer.status_code == 201 else []

    def decide(self) -> None:
        if self.actions:
            verb = self.rng.choice(("approve", "decline", "reverse"))
            body = {"note": "Sorry."} if verb == "decline" else {}
            self.send("regional", "POST", f"/v1/recovery-actions/{self.rng.choice(self.actions)}/{verb}", **body)

    def promise(self) -> None:
        if not self.concerns:
            return
        due_at = self.app.clock().replace(minute=59).isoformat()
        body = {"what": "Call back.", "kind": "call", "due_at": due_at}
        answer = self.send(self.someone(), "POST", f"/v1/concerns/{self.rng.choice(self.concerns)}/follow-ups", **body)
        self.follow_ups += [answer.json["id"]] if answer.status_code == 201 else []

    def keep(self) -> None:
        if self.follow_ups:
            verb = self.rng.choice(("keep", "cancel"))
            path = f"/v1/follow-ups/{self.rng.choice(self.follow_ups)}/{verb}"
            self.send("manager", "POST", path, note="Done.")

    def change_profile(self) -> None:
        if self.customers:
            path = f"/v1/customers/{self.rng.choice(self.customers)}"
            change = self.rng.choice(({"preferred_name": f"Name {self.rng.random()}"}, {"email": None, "phone": None}))
            self.send("manager", "PATCH", path, **change)

    def move_shift(self) -> None:
        method, path, body = self.rng.choice(
            (
                ("PUT", "/v1/me/shift", {"store_id": str(self.shop.store_id), "lead": self.rng.random() < 0.5}),
                ("DELETE", "/v1/me/shift", {}),
                ("POST", "/v1/me/pause", {"minutes": 5}),
                ("POST", "/v1/me/shift/extend", {}),
            )
        )
        self.send(self.rng.choice(("floor", "colleague")), method, path, **body)

    def set_up(self) -> None:
        """Change what holds in all stores, or in one."""
        name = f"Name {self.rng.random()}"
        lists = {"categories": {"name": name}, "remedies": {"name": name}}
        path, change = self.rng.choice([*lists.items()])
        ids = [word["id"] for word in self.send("admin", "GET", f"/v1/{path}").json["items"]]
        of_store = f"/v1/stores/{self.shop.store_id}"
        place = self.send("manager", "GET", f"{of_store}/places").json["items"][0]["id"]
        method, address, body = self.rng.choice(
            (
                ("PATCH", f"/v1/{path}/{self.rng.choice(ids)}", change),
                ("PATCH", f"{of_store}/places/{place}", {"name": name}),
                ("PATCH", of_store, {"name": name}),
                ("PATCH", "/v1/organization", {"minimum_app_versions": {"ios": self.rng.choice(("1.0.0", "2.0.0"))}}),
                ("PATCH", f"/v1/staff/{self.shop.staff['colleague']}", {"name": name}),
            )
        )
        self.send("admin", method, address, **body)

    def make_code_for_floor(self) -> None:
        make_code(self.app, self.shop, "floor", by=self.rng.choice(("manager", "regional")))

    def let_time_pass(self) -> None:
        self.app.clock.move(minutes=self.rng.choice((1, 5, 20, 70)))

    def work(self) -> None:
        work_until_idle(self.worker)

    def poll(self, login: str) -> None:
        """Ask with the ETag that the phone has, and compare what it holds then with a fresh read."""
        tag, _ = self.held.get(login, ("", {}))
        headers = {"If-None-Match": tag} if tag else {}
        answer = self.app.request("GET", "/v1/me/home", (self.shop, login), headers=headers)
        self.polls[answer.status_code] += 1
        if answer.status_code == 200:
            self.held[login] = answer.headers["ETag"], answer.json
        fresh = self.app.request("GET", "/v1/me/home", (self.shop, login))
        assert fresh.status_code == 200, fresh.text
        assert self.held[login][1] == fresh.json, login


ACTS: list[Callable[[PolledStore], None]] = [
    *[PolledStore.log] * 3,
    *[PolledStore.move_concern] * 3,
    *[PolledStore.let_time_pass, PolledStore.work, PolledStore.give] * 2,
    *(PolledStore.edit_concern, PolledStore.decide, PolledStore.promise, PolledStore.keep, PolledStore.change_profile),
    *(PolledStore.move_shift, PolledStore.set_up, PolledStore.make_code_for_floor, PolledStore.log_elsewhere),
]


def test_a_phone_that_only_polls_shows_every_change_within_one_poll(app: App, shop: Shop) -> None:
    rng = Random(1)
    limit_vouchers(app, shop, 2000)
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    app.request("PUT", "/v1/me/devices/one", (shop, "floor"), json=phone)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        store = PolledStore(app, shop, worker, rng)
        for _ in range(by_profile(quick=25, deep=60)):
            rng.choice(ACTS)(store)
            for login in POLLING:
                store.poll(login)
    assert store.polls[200] > len(POLLING)
    assert store.polls[304] > len(POLLING)


def test_what_happens_in_another_store_changes_no_home_here(app: App, shop: Shop) -> None:
    tags = {login: app.request("GET", "/v1/me/home", (shop, login)).headers["ETag"] for login in ("floor", "manager")}
    customer = {"name": "Ana", "phone": "912 345 678"}
    other = {"mood": 1, "store_id": str(shop.other_store_id), "customer": customer, "items": [{"name": "New dish"}]}
    assert app.request("POST", "/v1/concerns", (shop, "elsewhere"), json=other).status_code == 201
    for login, tag in tags.items():
        assert app.request("GET", "/v1/me/home", (shop, login), headers={"If-None-Match": tag}).status_code == 304
