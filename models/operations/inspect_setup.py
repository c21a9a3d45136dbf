"""Inspect how an organization is set up, for what will hurt: stores without hours, places, limits or people to ring."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from models.access import Permission, Role, roles_with
from models.db.minor_units import major_units
from models.organizations.store import Store
from models.recovery.remedy import WORDS_ONLY_KINDS, Remedy
from models.staff.device import Device
from models.staff.staff import Staff


@dataclass(frozen=True)
class Finding:
    """One thing that is set up in a way that will hurt.

    `code` is its stable name, `store` the slug of the store it is about (None: the whole organization), and `detail`
    says in words what will happen and what to do.
    """

    code: str
    store: str | None
    detail: str


def inspect_setup(session: Session, *, at: datetime) -> list[Finding]:
    """Return what should be changed before the session's organization relies on the product, store by store."""
    stores = session.scalars(
        select(Store).where(Store.closed_at.is_(None)).options(selectinload(Store.places)).order_by(Store.slug)
    ).all()
    staff = session.scalars(select(Staff).where(Staff.works_at(at)).options(*Staff.eager_options())).all()
    pushable = select(Device.staff_id, Device.store_id).where(Device.address.is_not(None))
    # The owners of personal phones, and the stores of shared ones.
    with_phone = {
        id_
        for row in session.execute(pushable.where(or_(Device.staff_id.is_(None), Device.is_signed_in(at))))
        for id_ in row
        if id_ is not None
    }
    remedies = session.scalars(Remedy.select_visible().where(Remedy.retired_at.is_(None)).order_by(Remedy.slug)).all()
    people, admins = _people_by_store(stores, staff), [person for person in staff if person.role is Role.ADMIN]
    findings = chain(
        _of_organization(stores, staff),
        chain.from_iterable(_of_store(store, people[store.id], with_phone) for store in stores),
        _of_remedies(remedies, stores),
        chain.from_iterable(_of_limits(store) for store in stores),
        chain.from_iterable(_of_approvals(store, [*people[store.id], *admins], with_phone) for store in stores),
    )
    return list(findings)


def _people_by_store(stores: Sequence[Store], staff: Sequence[Staff]) -> Mapping[UUID, list[Staff]]:
    """Return who may be rung for each store: those who belong to it, and those who look after its region."""
    ringable = roles_with(Permission.ALERT_HEAR)
    by_store: defaultdict[UUID, list[Staff]] = defaultdict(list)
    for store in stores:
        for person in staff:
            if person.role in ringable and (store.id in person.store_ids or store.region_id in person.region_ids):
                by_store[store.id].append(person)
    return by_store


def _of_organization(stores: Sequence[Store], staff: Sequence[Staff]) -> Iterator[Finding]:
    if not stores:
        yield Finding("no-store", None, "There is no open store: nobody can log a concern.")
    if sum(person.role is Role.ADMIN for person in staff) < 2:
        yield Finding(
            "one-administrator", None, "One administrator only: while they are away nobody can change a thing."
        )


def _of_store(store: Store, people: Sequence[Staff], with_phone: set[UUID]) -> Iterator[Finding]:
    if store.hours is None:
        yield Finding(
            "no-hours",
            store.slug,
            "Its hours are not set: it counts as always open, and people are rung at night.",
        )
    if not store.places:
        yield Finding("no-places", store.slug, "It has no places: a push cannot say where the customer is.")
    if not people:
        yield Finding("nobody-to-ring", store.slug, "Nobody belongs to it: an alert reaches nobody.")
        return
    if not any(person.role is Role.MANAGER and store.id in person.store_ids for person in people):
        yield Finding("no-manager", store.slug, "It has no manager: nobody approves, and nobody signs the day.")
    if not any(person.role is Role.REGIONAL for person in people):
        yield Finding("no-regional-manager", store.slug, "Nobody looks after its region: the last step rings nobody.")
    if store.id not in with_phone and not any(person.id in with_phone for person in people):
        yield Finding("no-phone", store.slug, "Nobody of it has a phone that pushes reach: an alert rings nowhere.")


def _of_remedies(remedies: Iterable[Remedy], stores: Sequence[Store]) -> Iterator[Finding]:
    """Yield the remedies that cost something and ask first whatever they cost, and the limits that limit nothing."""
    currencies = {store.currency for store in stores}
    for remedy in remedies:
        if remedy.kind not in WORDS_ONLY_KINDS:
            without = sorted(currency for currency in currencies if remedy.limit_of(Role.FLOOR, currency) is None)
            if without:
                yield Finding(
                    "no-limit",
                    None,
                    f"Floor staff ask first for any amount of {remedy.slug!r} in {', '.join(without)}: set a limit.",
                )
        unused = sorted({limit.currency for limit in remedy.limits} - currencies)
        if unused:
            detail = f"No store has {', '.join(unused)}, in which {remedy.slug!r} has limits: they limit nothing."
            yield Finding("unused-limit", None, detail)


def _of_limits(store: Store) -> Iterator[Finding]:
    """Yield where a store asks first for everything, and has limits in a currency that it has not."""
    if store.limits_in(store.currency) is None:
        yield Finding(
            "no-limit", store.slug, f"It has no limits in {store.currency}: everything asks first until you set them."
        )
    unused = sorted({limits.currency for limits in store.limits} - {store.currency})
    if unused:
        yield Finding("unused-limit", store.slug, f"It has limits in {', '.join(unused)}, which limit nothing.")


def _of_approvals(store: Store, people: Sequence[Staff], with_phone: set[UUID]) -> Iterator[Finding]:
    """Yield where nobody could approve: what the only one asks for, or anything after hours."""
    approvers = [person for person in people if Permission.RECOVERY_APPROVE in person.permissions]
    limits = store.limits_in(store.currency)
    acts_first = f"{major_units(limits.most_after_hours if limits else 0, store.currency)} {store.currency}"
    if len(approvers) < 2:
        detail = "Nobody may approve what its only approver asks for, or whom that person made a code for asks for."
        yield Finding("nobody-may-approve", store.slug, detail)
    elif not any(person.id in with_phone for person in approvers):
        detail = f"Nobody who may approve has a phone: after hours it acts first up to {acts_first}, and refuses more."
        yield Finding("nobody-may-approve", store.slug, detail)
