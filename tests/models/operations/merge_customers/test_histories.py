"""Random histories of merges and their undo: each row ends where it was, and no figure of a report changes."""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome, Status
from models.customers.customer import Customer
from models.db.base import Money
from models.db.session import ScopedSession
from models.errors import DomainError
from models.operations.log_concern import log_concern, update_concern
from models.operations.merge_customers import COLUMNS_BY_FIELD, CustomerMerge
from models.recovery.approvals import record_action
from models.recovery.remedy import Remedy
from models.tables import metadata
from tests.support.app import App
from tests.support.factories.organizations import Shop, make_shop

HISTORIES, STEPS, SEED = 12, 40, 20260303
TABLES = ("customer", "customer_store", "customer_external_id", "concern", "recovery_action", "concern_item")
OTHERS = ("new", "new", "log", "log", "act", "edit", "edit", "move", "resolve")
Cell = tuple[str, UUID, str]
Cells = dict[Cell, Any]
CONTACTS = {
    "name": ["Ana", "Rui", "Zé"],
    "phone": [f"+35191234567{number}" for number in range(4)],
    "email": [f"guest{number}@example.org" for number in range(4)],
    "loyalty_number": ["1", "2", "3"],
}
BESIDE: dict[str, list[Any]] = {
    "tags": [[], ["vip"], ["regular"]],
    "languages": [[], ["pt"]],
    "preferred_name": [None, "Nita"],
    "consent": [None, {"contact": True, "source": "web"}, {"contact": False, "source": "phone"}],
    "allergies_consent": [True, False],
    "references": [[], [{"source": "till", "reference": "1"}], [{"source": "till", "reference": "2"}]],
}


@dataclass
class Standing:
    """A merge that was not undone: every row just before it, and the cells that others changed since."""

    merge_id: UUID
    before: Cells
    changed_rows: set[Cell] = field(default_factory=set)


@dataclass
class Play:
    """One history."""

    app: App
    shop: Shop
    dice: Random
    standing: list[Standing] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def by(self) -> Actor:
        stores = frozenset({self.shop.store_id, self.shop.other_store_id})
        return Actor(self.shop.organization_id, GRANTS[Role.MANAGER], stores, staff_id=self.shop.staff["manager"])

    def go_on(self, step: str) -> None:
        """One more step; what the rules refuse changes nothing."""
        self.app.clock.move(minutes=self.dice.choice([1, 1, 600]))
        before = self.cells()
        try:
            with self.app.database.writing(self.shop.organization_id) as session:
                done = getattr(self, f"_{step}")(session)
        except DomainError as refusal:
            self.seen.add(f"{step}: {refusal.code}")
            assert self.cells() == before
            return
        if done is None:
            return
        self.seen.add(step)
        after = self.cells()
        if step == "merge":
            self.standing.append(Standing(done, before))
        elif step == "undo":
            self._ends_where_it_was(done, after)
        changed = {cell for cell in before.keys() | after.keys() if before.get(cell) != after.get(cell)}
        changed |= {
            (table, row_id, column)
            for table, row_id, name in changed
            for columns in COLUMNS_BY_FIELD.values()
            if table == "customer" and name in columns
            for column in columns
        }
        for standing in self.standing:
            if not (step == "merge" and standing.merge_id == done):
                standing.changed_rows |= changed

    def cells(self) -> Cells:
        """Every value of every row there is, but for versions."""
        cells: Cells = {}
        with self.app.back_office.reading(self.shop.organization_id) as session:
            for name in TABLES:
                columns = metadata.tables[name].c
                own = sa.select(*columns).where(columns.organization_id == self.shop.organization_id)
                for row in session.connection().execute(own).mappings():
                    cells |= {(name, row["id"], column): row[column] for column in row if column != "version"}
        return cells

    def _ends_where_it_was(self, merge_id: UUID, after: Cells) -> None:
        (ended,) = (standing for standing in self.standing if standing.merge_id == merge_id)
        self.standing.remove(ended)
        if not ended.changed_rows:
            self.seen.add("undo at once")
            assert after == ended.before
        moved = {
            cell for cell, value in ended.before.items() if cell not in ended.changed_rows and after.get(cell) != value
        }
        assert moved == set()

    def _customer(self, session: ScopedSession) -> Customer | None:
        there = session.scalars(sa.select(Customer).where(*Customer.visible_to(self.by)).order_by(Customer.id)).all()
        return self.dice.choice(there) if there else None

    def _told(self, *, least: int) -> dict[str, Any]:
        names = self.dice.sample(list(CONTACTS), self.dice.randint(least, 3))
        return {name: self.dice.choice(CONTACTS[name]) for name in names}

    def _beside(self) -> dict[str, Any]:
        details = {name: self.dice.choice(values) for name, values in BESIDE.items() if self.dice.random() < 0.4}
        if details.get("allergies_consent"):
            details["allergies"] = self.dice.choice(["nuts", "milk"])
        return details

    def _new(self, session: ScopedSession) -> UUID | None:
        if session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 4:
            return None
        store_id, at = self.dice.choice([self.shop.store_id, self.shop.other_store_id]), self.app.clock()
        details = {**self._told(least=1), **self._beside()}
        return Customer.create(session, id_=uuid7(), by=self.by, at=at, country="PT", store_id=store_id, **details).id

    def _log(self, session: ScopedSession) -> UUID | None:
        known = self._customer(session)
        if known is None:
            return None
        store_id = self.dice.choice([self.shop.store_id, self.shop.other_store_id])
        contacts = {name: value for name in CONTACTS if (value := getattr(known, name))}
        by_id = self.dice.random() < 0.5 or contacts.keys() == {"name"}
        whose = {"customer_id": known.id} if by_id else {"customer": contacts}
        body = {"mood": self.dice.randint(1, 5), "store_id": store_id, "items": [{"name": "soup"}], **whose}
        return log_concern(session, body, by=self.by, at=self.app.clock())[0].concern_id

    def _concern(self, session: ScopedSession) -> Concern | None:
        concerns = session.scalars(sa.select(Concern).order_by(Concern.id)).all()
        return self.dice.choice(concerns) if concerns else None

    def _act(self, session: ScopedSession) -> UUID | None:
        if (concern := self._concern(session)) is None:
            return None
        remedy, cost = Remedy.by_slug(session, "voucher"), Money(self.dice.choice([100, 999]), "EUR")
        return record_action(session, concern, by=self.by, remedy=remedy, cost=cost, at=self.app.clock())[0].id

    def _resolve(self, session: ScopedSession) -> UUID | None:
        if (concern := self._concern(session)) is None or concern.status is Status.RESOLVED:
            return None
        return concern.resolve(by=self.by, outcome=Outcome.RECOVERED, mood_after=4, at=self.app.clock()).id

    def _move(self, session: ScopedSession) -> UUID | None:
        """It was somebody else's concern."""
        concern, customer = self._concern(session), self._customer(session)
        if concern is None or customer is None:
            return None
        return update_concern(session, concern, {"customer_id": customer.id}, by=self.by, at=self.app.clock()).id

    def _edit(self, session: ScopedSession) -> UUID | None:
        if (customer := self._customer(session)) is None:
            return None
        details = {**self._told(least=0), **self._beside()}
        if self.dice.random() < 0.2:
            details["phone"] = None
        customer.edit(session, by=self.by, at=self.app.clock(), country="PT", **details)
        return customer.id

    def _merge(self, session: ScopedSession) -> UUID | None:
        survivor, other = self._customer(session), self._customer(session)
        if survivor is None or other is None or survivor is other:
            return None
        merge = CustomerMerge.plan_locked(session, survivor.id, other.id)
        merge.carry_out(session, id_=uuid7(), by=self.by, at=self.app.clock())
        return merge.id

    def _undo(self, session: ScopedSession) -> UUID | None:
        if not self.standing:
            return None
        merge_id = self.dice.choice(self.standing).merge_id
        session.get_one(CustomerMerge, (self.shop.organization_id, merge_id)).undo(
            session, by=self.by, at=self.app.clock()
        )
        return merge_id


def figures(app: App, shop: Shop, days: set[Any]) -> list[Any]:
    """The report of head office, and the figures of every day's log of both stores."""
    path = "/v1/reports/recovery?from=2026-03-01&to=2026-04-30&group_by=day"
    report = app.request("GET", path, (shop, "reports-key"))
    logs = [
        app.request("GET", f"/v1/stores/{store_id}/recovery-logs/{day}", (shop, "key"))
        for day in sorted(days)
        for store_id in (shop.store_id, shop.other_store_id)
    ]
    assert {answer.status_code for answer in (report, *logs)} == {200}
    return [report.json["rows"], report.json["totals"], *(log.json["figures"] for log in logs)]


@pytest.mark.deep  # so many histories that there is something of everything
def test_after_an_undo_every_row_is_where_it_was_whatever_happened_meanwhile(app: App) -> None:
    seen: set[str] = set()
    for number in range(HISTORIES):
        play = Play(app, make_shop(app.back_office, f"shop-{number}"), Random(f"{SEED} {number}"))
        for _ in range(STEPS):
            play.go_on(play.dice.choice([*OTHERS, "merge", "merge", "undo", "undo"]))
        seen |= play.seen
    something = {*OTHERS, "merge", "undo", "undo at once", "undo: conflict"}
    assert something <= seen, "the histories have something of everything, or this would show nothing"


def test_merging_and_undoing_move_no_figure(app: App, shop: Shop) -> None:
    play = Play(app, shop, Random(SEED))
    for _ in range(STEPS):
        play.go_on(play.dice.choice(OTHERS))
    days = {value for (_, _, column), value in play.cells().items() if column == "business_date"}
    before = figures(app, shop, days)
    assert before[1]["concerns"] >= 5
    assert before[1]["cost"]
    for _ in range(4):
        while not play.standing:
            play.go_on("merge")
        assert figures(app, shop, days) == before
        play.go_on("undo")
        assert not play.standing
        assert figures(app, shop, days) == before
