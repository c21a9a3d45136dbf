"""Merge of two customer profiles of one person: the plan, the merge itself, and its undoing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, func, or_, select
from sqlalchemy.orm import Mapped

from models.access import Actor
from models.concerns.concern import Concern
from models.customers.consent import ConsentSource, standing
from models.customers.contacts import COLUMNS_BY_CONTACT, CONTACT_FIELDS, IDENTITY_FIELDS
from models.customers.customer import Customer, CustomerNameWord, CustomerStore
from models.customers.external_id import ExternalId
from models.db.base import TenantOwned, tenant_fk
from models.db.bounds import check_bound
from models.db.session import ScopedSession
from models.errors import Conflict, Invalid, InvalidState
from models.policy_defaults import MAX_MERGES_OF_CUSTOMER
from models.recovery.action import RecoveryAction
from models.recovery.recount import recount_customer

# Taken over together, where the survivor has none of them.
COLUMNS_BY_FIELD: dict[str, tuple[str, ...]] = {
    **{
        name: COLUMNS_BY_CONTACT.get(name, (name,))
        for name in ("name", *CONTACT_FIELDS, "preferred_name", "pronunciation", "languages", "tags", "preferences")
    },
    "consent": ("consent_at", "may_contact", "consent_source", "consent_by_id"),
    "allergies": ("allergies_consent_at", "allergies"),
}
COLUMN_FROM_JSON: dict[str, Callable[[str], Any]] = {
    "consent_at": datetime.fromisoformat,
    "consent_source": ConsentSource,
    "consent_by_id": UUID,
    "allergies_consent_at": datetime.fromisoformat,
}


class CustomerMerge(TenantOwned):
    """One merge, with everything its undoing needs. Without `merged_at` it is only a plan.

    `moved` has ids by kind: `concerns`, `actions` (what was given to the merged customer), `references`, `stores`
    (CustomerStore rows), `profiles` (merged into the merged customer earlier), and `met`: the first store of the merged
    customer, if the survivor was never met there. `opened` are CustomerStore rows of the survivor, in stores that read
    the whole profile of the merged customer only. `staying` are the actions on those concerns that were given to the
    survivor before.
    `taken_over` has, for each column of the survivor that was filled, the value `before` and the value `taken`.
    `contacts` are those of the merged customer.
    """

    __tablename__ = "customer_merge"
    __table_args__ = (Index("ix_customer_merge_survivor", "organization_id", "survivor_id", "merged_at"),)

    survivor_id: Mapped[UUID] = tenant_fk("customer")
    merged_id: Mapped[UUID] = tenant_fk("customer")
    moved: Mapped[dict[str, Any]]
    taken_over: Mapped[dict[str, Any]]
    contacts: Mapped[dict[str, Any]]
    merged_at: Mapped[datetime | None]
    merged_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the merges whose surviving customer, after later merges too, the actor may see."""
        return Customer.met_in_stores_of(actor, Customer.surviving_id(cls.survivor_id))

    @property
    def fields(self) -> list[str]:
        """The fields of a profile that the survivor takes over."""
        return [name for name, columns in COLUMNS_BY_FIELD.items() if not self.taken_over.keys().isdisjoint(columns)]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each kind move."""
        met = len(self.moved["stores"]) + len(self.moved["met"])
        return {"concerns": len(self.moved["concerns"]), "references": len(self.moved["references"]), "stores": met}

    @classmethod
    def plan(cls, session: ScopedSession, survivor: Customer, merged: Customer) -> "CustomerMerge":
        """Return what a merge would do, without doing it. Invalid for a customer and themselves."""
        if survivor is merged:
            raise Invalid("A customer cannot be merged with themselves.", pointer="/customer_id")
        later, of_merged = _later_stores(session, survivor), _later_stores(session, merged)
        survivor_stores = {survivor.first_store_id, *(row.store_id for row in later)}
        open_to_merged = {merged.first_store_id, *(row.store_id for row in of_merged if row.opened_at)}
        concerns = select(Concern.id).where(Concern.customer_id == merged.id)
        on_them = (RecoveryAction.customer_id == survivor.id, RecoveryAction.concern_id.in_(concerns))
        moved = {
            "concerns": session.scalars(concerns).all(),
            "actions": session.scalars(select(RecoveryAction.id).where(RecoveryAction.customer_id == merged.id)).all(),
            "staying": session.scalars(select(RecoveryAction.id).where(*on_them)).all(),
            "references": session.scalars(select(ExternalId.id).where(ExternalId.customer_id == merged.id)).all(),
            "stores": [row.id for row in of_merged if row.store_id not in survivor_stores],
            "opened": [row.id for row in later if row.opened_at is None and row.store_id in open_to_merged],
            "profiles": session.scalars(select(Customer.id).where(Customer.merged_into_id == merged.id)).all(),
        }
        first_met = [] if merged.first_store_id in {None, *survivor_stores} else [str(merged.first_store_id)]
        return cls(
            survivor_id=survivor.id,
            merged_id=merged.id,
            moved={**{kind: sorted(map(str, ids)) for kind, ids in moved.items()}, "met": first_met},
            taken_over={
                column: {"before": _to_json(getattr(survivor, column)), "taken": _to_json(value)}
                for column, value in _columns_to_fill(survivor, merged).items()
            },
            contacts={name: getattr(merged, name) for name in IDENTITY_FIELDS if getattr(merged, name)},
        )

    @classmethod
    def plan_locked(cls, session: ScopedSession, survivor_id: UUID, merged_id: UUID) -> "CustomerMerge":
        """Return the plan of a merge with its rows locked. InvalidState when one of the two was merged meanwhile.

        Locks the concerns first, also those of what was given to the merged customer, in the order that everybody uses
        who locks a concern and its customer, and then both customers in the order of their ids. A concern that is being
        logged for one of them either moves along or is logged for the survivor.
        """
        of_actions = select(RecoveryAction.concern_id).where(RecoveryAction.customer_id == merged_id)
        _lock_concerns(session, or_(Concern.customer_id == merged_id, Concern.id.in_(of_actions)))
        customers = _lock_customers(session, survivor_id, merged_id)
        if any(customer.merged_into_id is not None for customer in customers.values()):
            raise InvalidState("One of the two was merged into another customer meanwhile.", state="merged")
        return cls.plan(session, customers[survivor_id], customers[merged_id])

    def carry_out(self, session: ScopedSession, *, id_: UUID, by: Actor, at: datetime) -> None:
        """Merge as planned by `plan_locked`. TooMany where one customer was merged into often: so much is a mistake."""
        into_survivor = select(CustomerMerge.id).where(CustomerMerge.survivor_id == self.survivor_id)
        of = "merges into one customer, with those that were undone"
        check_bound(session, into_survivor, most=MAX_MERGES_OF_CUSTOMER, of=of)
        survivor, merged = (
            session.get_one(Customer, (by.organization_id, customer_id))
            for customer_id in (self.survivor_id, self.merged_id)
        )
        self.id, self.merged_at, self.merged_by_id = id_, at, by.staff_id
        self._move(session, merged, target=survivor)
        of_merged = select(RecoveryAction).where(RecoveryAction.id.in_(self._ids("actions")))
        recount_customer(session, session.scalars(of_merged.order_by(RecoveryAction.id)).all(), survivor.id)
        for store_id in self.moved["met"]:
            session.add(
                CustomerStore(
                    customer_id=survivor.id,
                    store_id=UUID(store_id),
                    met_at=merged.created_at,
                    opened_at=merged.created_at,
                )
            )
        self._note_opened(session, at)
        for name in CONTACT_FIELDS:
            if name in self.taken_over:  # unique: it may stand in one row only, at every moment
                merged.take_contact_away(name)
        session.flush()
        for column, value in self.taken_over.items():
            setattr(survivor, column, _from_json(column, value["taken"]))
        if "name" in self.taken_over:
            CustomerNameWord.add_all(session, [survivor])  # it had none
        merged.merged_into_id, merged.merged_at = survivor.id, at
        for customer in (survivor, merged):
            customer.bump_version()
        session.add(self)

    def undo(self, session: ScopedSession, *, by: Actor, at: datetime) -> None:
        """Undo the merge: what came with the merged customer goes back, what was changed since stays.

        Raises InvalidState when it was undone already. Raises Conflict for a later merge of the survivor, a contact
        that another customer uses meanwhile, and a survivor who would be left without name and contact.
        """
        of_actions = select(RecoveryAction.concern_id).where(RecoveryAction.id.in_(self._ids("actions")))
        _lock_concerns(session, or_(Concern.id.in_(self._ids("concerns")), Concern.id.in_(of_actions)))
        customers = _lock_customers(session, self.survivor_id, self.merged_id)
        survivor, merged = customers[self.survivor_id], customers[self.merged_id]
        session.refresh(self, with_for_update=True)
        if self.undone_at is not None:
            raise InvalidState("This merge was undone already.", state="undone")
        if survivor.merged_into_id is not None:
            raise Conflict("The survivor was merged into another customer since; undo that first.")
        if session.scalars(self._select_last(survivor)).one() != self.id:
            raise Conflict("Another customer was merged into the survivor since; undo that first.")
        self._move(session, survivor, target=merged)
        self._move_given_since(session, survivor, target=merged)
        for store in session.scalars(
            select(CustomerStore).where(
                CustomerStore.customer_id == survivor.id,
                CustomerStore.store_id.in_([UUID(store_id) for store_id in self.moved["met"]]),
            )
        ):
            session.delete(store)
        self._note_opened(session, None)
        for column in self._columns_still_taken(survivor):
            setattr(survivor, column, _from_json(column, self.taken_over[column]["before"]))
        if "name" in self.taken_over:
            CustomerNameWord.replace_all(session, [survivor])
        session.flush()
        self._give_back_contacts(session, merged)
        if not any(getattr(survivor, name) for name in ("name", *CONTACT_FIELDS)):
            raise Conflict("The survivor would have neither a name nor a contact; give them one first.")
        merged.merged_into_id = merged.merged_at = None
        for customer in (survivor, merged):
            customer.bump_version()
        self.undone_at, self.undone_by_id = at, by.staff_id
        session.flush()
        for store_id in session.scalars(select(Concern.store_id).where(Concern.customer_id == survivor.id).distinct()):
            survivor.meet(session, store_id, at)

    @classmethod
    def _select_last(cls, survivor: Customer) -> Select[UUID]:
        in_effect = select(cls.id).where(cls.survivor_id == survivor.id, cls.undone_at.is_(None))
        return in_effect.order_by(cls.merged_at.desc(), cls.id.desc()).limit(1)

    def _move(self, session: ScopedSession, source: Customer, *, target: Customer) -> None:
        """Move the planned rows that `source` still has to `target`."""
        for kind, model, column in (
            ("concerns", Concern, "customer_id"),
            ("actions", RecoveryAction, "customer_id"),
            ("references", ExternalId, "customer_id"),
            ("stores", CustomerStore, "customer_id"),
            ("profiles", Customer, "merged_into_id"),
        ):
            of_source = (model.id.in_(self._ids(kind)), getattr(model, column) == source.id)
            stmt = select(model).where(*of_source).execution_options(populate_existing=True)
            for row in session.scalars(stmt):
                setattr(row, column, target.id)
                if isinstance(row, Concern | RecoveryAction):
                    row.bump_version()
        for customer in (source, target):
            session.expire(customer, ["references"])

    def _note_opened(self, session: ScopedSession, opened_at: datetime | None) -> None:
        """Note since when the stores that read the merged customer read the survivor; None: not any more."""
        for store in session.scalars(select(CustomerStore).where(CustomerStore.id.in_(self._ids("opened")))):
            store.opened_at = opened_at

    def _move_given_since(self, session: ScopedSession, survivor: Customer, *, target: Customer) -> None:
        """Move what was given since the merge on concerns that came along, whoever they name meanwhile.

        It was given to the same person: what is given to the survivor goes with the concern it was given for. What
        reverses an action goes with that action.
        """
        session.flush()
        action_id = func.coalesce(RecoveryAction.reverses_id, RecoveryAction.id)
        on_concerns = RecoveryAction.concern_id.in_(self._ids("concerns")) & action_id.not_in(self._ids("staying"))
        of_survivor = RecoveryAction.customer_id == survivor.id
        stmt = select(RecoveryAction).where(of_survivor, on_concerns | action_id.in_(self._ids("actions")))
        for action in session.scalars(stmt):
            action.customer_id = target.id
            action.bump_version()

    def _columns_still_taken(self, survivor: Customer) -> set[str]:
        """Return the columns of the fields that nobody changed since: half of an answer would be another answer."""
        still: set[str] = set()
        for columns in COLUMNS_BY_FIELD.values():
            taken = self.taken_over.keys() & {*columns}
            if all(_to_json(getattr(survivor, column)) == self.taken_over[column]["taken"] for column in taken):
                still |= taken
        return still

    def _give_back_contacts(self, session: ScopedSession, merged: Customer) -> None:
        for name in self.contacts.keys() & {*CONTACT_FIELDS}:
            columns = {column: self.contacts.get(column, "") for column in COLUMNS_BY_CONTACT[name]}
            if all(getattr(merged, column) == value for column, value in columns.items()):
                continue
            if Customer.owner_ids(session, columns):
                raise Conflict(f"The {name.replace('_', ' ')} is in use by another customer meanwhile.")
            for column, value in columns.items():
                setattr(merged, column, value)

    def _ids(self, kind: str) -> list[UUID]:
        return [UUID(id_) for id_ in self.moved.get(kind, ())]  # merges of before do not know every kind


def _lock_concerns(session: ScopedSession, criterion: ColumnElement[bool]) -> None:
    session.execute(select(Concern.id).where(criterion).order_by(Concern.id).with_for_update(key_share=True))


def _lock_customers(session: ScopedSession, *ids: UUID) -> dict[UUID, Customer]:
    stmt = select(Customer).where(Customer.id.in_(ids)).order_by(Customer.id).with_for_update()
    return {customer.id: customer for customer in session.scalars(stmt.execution_options(populate_existing=True))}


def _later_stores(session: ScopedSession, customer: Customer) -> Sequence[CustomerStore]:
    """Return where a customer was met after the first store."""
    return session.scalars(select(CustomerStore).where(CustomerStore.customer_id == customer.id)).all()


def _columns_to_fill(survivor: Customer, merged: Customer) -> dict[str, Any]:
    """Return the columns the survivor takes over from the merged customer, with their values.

    These are the fields the survivor lacks. Of two statements about the consent the newest one stands, also that it
    was cleared, and allergies are joined so that none is lost.
    """
    values: dict[str, Any] = {}
    own_consent, other_consent = (
        standing(customer.may_contact, customer.consent_at) for customer in (survivor, merged)
    )
    for field, columns in COLUMNS_BY_FIELD.items():
        own, other = (getattr(customer, columns[0]) for customer in (survivor, merged))
        if other_consent > own_consent if field == "consent" else other and not own:
            values |= {column: getattr(merged, column) for column in columns}
    if survivor.allergies_consent_at and merged.allergies and merged.allergies not in (survivor.allergies or ""):
        values["allergies"] = "; ".join(filter(None, (survivor.allergies, merged.allergies)))
    return values


def _to_json(value: Any) -> Any:
    """Return a column value as JSON can store it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value


def _from_json(column: str, plain: Any) -> Any:
    """Return a JSON value as the column of a customer has it."""
    return plain if plain is None or column not in COLUMN_FROM_JSON else COLUMN_FROM_JSON[column](plain)
