"""Customers: profiles, the search by contact, the history."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.customers import (
    CustomerMatchesSchema,
    CustomerMergeSchema,
    CustomerQuery,
    CustomerSchema,
    CustomerSearchSchema,
    DuplicatesSchema,
    EditCustomerSchema,
    HistorySchema,
    MeetSchema,
    MergeSchema,
    NewCustomerSchema,
    ProfileSchema,
)
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.rate_limits import MEET_LIMIT, count_contacts, count_hit
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.customers.contact_budget import contacts_in
from models.customers.customer import Customer
from models.customers.duplicates import find_duplicates
from models.operations.customer_overview import customer_overview
from models.operations.log_concern import default_store, phone_country
from models.operations.merge_customers import CustomerMerge
from models.organizations.store import Store
from notifications.decide.follow_ups import announce_contact

blp = Blueprint("customers", __name__, "Customers: profiles, the search by contact, the history")


@blp.route("/customers")
class Customers(Resource):
    never_stored = True
    permissions = {"GET": Permission.CUSTOMER_LIST, "POST": Permission.CUSTOMER_WRITE}

    @blp.arguments(CustomerQuery, location="query")
    @blp.response(200, page_of(CustomerSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the customers of the stores within reach, newest first; `name` filters by the beginning of a name

        `POST /v1/customers/search` finds one by a contact.
        """
        name = query.pop("name", None)
        return paginate(
            Customer.select_visible(g.actor, name=name), Customer.created_at, Customer.id, descending=True, **query
        )

    @blp.arguments(NewCustomerSchema)
    @blp.response(201, ProfileSchema)
    @blp.refuses(429)
    @idempotent(Customer, status=201)
    def post(self, data: dict[str, Any]) -> Customer:
        """Create a customer

        A contact that is another customer's is refused with 409 `already-exists`: search finds whose it is. A national
        phone number is read with the country of the store where the reporter is on shift, else with the organization's
        phone region. Without a contact it counts as one, see `POST /v1/customers/search`: nobody makes profiles without
        end.
        """
        store = default_store(g.session, data.pop("store_id", None), by=g.actor, at=g.now)
        _count(contacts_in(data) or [""], store, object_id=data["id"])
        return Customer.create(g.session, id_=data.pop("id"), by=g.actor, at=g.now, **_country_and_id(store), **data)


@blp.route("/customers/search")
class CustomerSearch(Resource):
    never_stored = True
    permissions = {"POST": Permission.CUSTOMER_READ}

    @blp.arguments(CustomerSearchSchema)
    @blp.response(200, CustomerMatchesSchema)
    @blp.refuses(429)
    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Find customers by a contact or reference, by words of their name or the end of their phone number

        A contact or reference finds the one profile that has exactly this, anywhere in the organization; a phone
        number without `phone_extension` finds the profile without one. The store of the shift sees who it is from
        then on, and reads the rest once it has met them (`POST /v1/customers/{id}/meet`). `name`, with three letters or
        more of one word at least, and `phone_end`, with six digits or more, find at most ten profiles of customers who
        were met in the stores within reach.

        Contacts have one budget, whatever names them: searches, concerns, new and changed profiles, duplicates and
        previews of merges. It is 20 a minute for a person or key, and 60 for a store. Beyond it a concern is logged
        with the contact as it was typed, and everything else is 429.
        """
        store = default_store(g.session, None, by=g.actor, at=g.now)
        _count([""], store)
        return {"items": Customer.find(g.session, data, by=g.actor, at=g.now, **_country_and_id(store))}


@blp.route("/customers/<uuid:customer_id>")
class CustomerById(Resource):
    never_stored = True
    permissions = {"GET": Permission.CUSTOMER_READ, "PATCH": Permission.CUSTOMER_WRITE}
    path_models = {"customer_id": Customer}

    @blp.response(200, ProfileSchema)
    def get(self, customer: Customer) -> Customer:
        """Read a profile

        Where no store within reach made it, or has met the customer by `POST /v1/customers/{id}/meet`, `met` is false:
        then it is the name, how to say it, and the allergies that the customer agreed to have kept.
        """
        return customer

    @blp.arguments(EditCustomerSchema)
    @blp.response(200, ProfileSchema)
    @blp.refuses(409, 429)
    def patch(self, data: dict[str, Any], customer: Customer) -> Customer:
        """Change a profile: a merge patch, null removes a field

        409 `not-met` for a customer who was not met here (see `GET`).
        """
        customer.require_open_to(g.actor)
        store = default_store(g.session, None, by=g.actor, at=g.now)
        _count(contacts_in(data), store)
        country = phone_country(g.session, store, by=g.actor)
        customer.edit(g.session, by=g.actor, at=g.now, country=country, **data)
        if contacts_in(data):
            announce_contact(g.session, customer, at=g.now)
        return customer


@blp.route("/customers/<uuid:customer_id>/meet")
class MeetCustomer(Resource):
    never_stored = True
    permissions = {"POST": Permission.CUSTOMER_READ}
    path_models = {"customer_id": Customer}

    @blp.arguments(MeetSchema)
    @blp.response(200, ProfileSchema)
    @blp.refuses(429)
    @idempotent(Customer, status=200)
    def post(self, data: dict[str, Any], customer: Customer) -> Customer:
        """Say that a customer whom other stores know is here: the whole profile opens for this store

        The store is that of the shift unless `store_id` names one. It is recorded who said so. At most 20 customers a
        day per person; one whose profile is open already does not count.
        """
        store = default_store(g.session, data["store_id"], by=g.actor, at=g.now)
        if customer.is_open_to(g.actor) or store is None:
            return customer
        count_hit(MEET_LIMIT, "meet", str(g.actor.staff_id or g.actor.api_key_id))
        customer.open_in(g.session, store.id, by=g.actor, at=g.now)
        return customer


@blp.route("/customers/<uuid:customer_id>/history")
class CustomerHistory(Resource):
    never_stored = True
    permissions = {"GET": Permission.CUSTOMER_READ}
    path_models = {"customer_id": Customer}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, HistorySchema)
    def get(self, query: dict[str, Any], customer: Customer) -> dict[str, Any]:
        """Read a customer's history: what matters now, then their concerns and what was done, newest first

        Concerns out of reach are left out. `now` is what to know before the greeting.
        """
        concerns = Concern.select_visible(g.actor, customer_id=customer.id)
        overview = customer_overview(g.session, customer, actor=g.actor, at=g.now)
        return {
            "customer": customer,
            "now": overview,
            **paginate(concerns, Concern.received_at, Concern.id, descending=True, **query),
        }


@blp.route("/customers/<uuid:customer_id>/duplicates")
class CustomerDuplicates(Resource):
    never_stored = True
    permissions = {"GET": Permission.CUSTOMER_READ}
    path_models = {"customer_id": Customer}

    @blp.response(200, DuplicatesSchema)
    @blp.refuses(409, 429)
    def get(self, customer: Customer) -> dict[str, Any]:
        """List profiles that may be the same person, and why: the same name, or a contact in another spelling

        Counts as one contact, see `POST /v1/customers/search`.
        """
        _count_one()
        return {"items": find_duplicates(g.session, customer, actor=g.actor)}


@blp.route("/customers/<uuid:customer_id>/merge")
class MergeCustomers(Resource):
    never_stored = True
    permissions = {"POST": Permission.CUSTOMER_MERGE}
    path_models = {"customer_id": Customer}
    locks_itself = frozenset({"POST"})

    @blp.arguments(MergeSchema)
    @blp.response(200, CustomerMergeSchema)
    @blp.refuses(429)
    @idempotent(CustomerMerge, status=200, skip_if="preview")
    def post(self, data: dict[str, Any], customer: Customer) -> CustomerMerge:
        """Merge another profile of the same person into this one, which survives

        Fields that this profile lacks are filled in; those it has stay. Of the consents the latest counts. A search for
        a contact of the other profile finds this one from then on. A preview counts as one contact.
        """
        other = Customer.get_visible(g.session, data["customer_id"], actor=g.actor, pointer="/customer_id")
        customer.require_open_to(g.actor)
        other.require_open_to(g.actor, pointer="/customer_id")
        if data["preview"]:
            _count_one()
            return CustomerMerge.plan(g.session, customer, other)
        merge = CustomerMerge.plan_locked(g.session, customer.id, other.id)
        merge.carry_out(g.session, id_=data["id"], by=g.actor, at=g.now)
        return merge


@blp.route("/customers/merges/<uuid:merge_id>/undo")
class UndoMerge(Resource):
    never_stored = True
    permissions = {"POST": Permission.CUSTOMER_MERGE}
    path_models = {"merge_id": CustomerMerge}
    locks_itself = frozenset({"POST"})

    @blp.response(200, CustomerMergeSchema)
    @idempotent(CustomerMerge, status=200)
    def post(self, merge: CustomerMerge) -> CustomerMerge:
        """Undo a merge: make two customers of one again; what was changed since stays as it is

        409 when a later merge has to be undone first, or when a contact is in use by another customer meanwhile.
        """
        merge.undo(g.session, by=g.actor, at=g.now)
        return merge


def _count(contacts: Sequence[str], store: Store | None, *, object_id: UUID | None = None) -> None:
    """Count contacts, if there are any: also the refusal of one that is in use tells that it is somebody's."""
    if contacts:
        count_contacts(contacts, store_id=store.id if store else None, object_id=object_id)


def _count_one() -> None:
    """Count a request that looks for one customer, or tells of contacts without naming any."""
    _count([""], default_store(g.session, None, by=g.actor, at=g.now))


def _country_and_id(store: Store | None) -> dict[str, Any]:
    return {"country": phone_country(g.session, store, by=g.actor), "store_id": store.id if store else None}
