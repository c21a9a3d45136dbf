"""Customers: profiles, the search by contact, the history."""

from typing import Any

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
    MergeSchema,
    NewCustomerSchema,
    ProfileSchema,
)
from api.web.blueprint import Blueprint
from api.web.idempotency import once
from api.web.pagination import page
from api.web.rate_limits import SEARCHES, count
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.customers.contacts import CONTACTS
from models.customers.customer import Customer
from models.customers.duplicates import duplicates_of
from models.operations.customer_overview import at_hand
from models.operations.log_concern import home_store_of
from models.operations.merge_customers import CustomerMerge
from models.organizations.store import Store

blp = Blueprint("customers", __name__, "Customers: profiles, the search by contact, the history")


@blp.route("/customers")
class Customers(Resource):
    needs = {"GET": Permission.CUSTOMER_READ, "POST": Permission.CUSTOMER_WRITE}

    @blp.arguments(CustomerQuery, location="query")
    @blp.response(200, page_of(CustomerSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the customers met in one's stores, newest first; by the beginning of a name"""
        name = query.pop("name", None)
        return page(Customer.listed(g.actor, name=name), Customer.created_at, Customer.id, descending=True, **query)

    @blp.arguments(NewCustomerSchema)
    @blp.response(201, ProfileSchema)
    @once(Customer, status=201)
    def post(self, data: dict[str, Any]) -> Customer:
        """Create a customer

        A contact that is another customer's is refused with 409 `already-exists`: search finds whose it is. A national
        phone number is read with the country of the store one is on shift in.
        """
        _count_contacts(data)
        store = home_store_of(g.session, data.pop("store_id", None), by=g.actor)
        return Customer.create(g.session, id_=data.pop("id"), by=g.actor, at=g.now, **_of(store), **data)


@blp.route("/customers/search")
class CustomerSearch(Resource):
    needs = {"POST": Permission.CUSTOMER_READ}

    @blp.arguments(CustomerSearchSchema)
    @blp.response(200, CustomerMatchesSchema)
    @blp.refuses(429)
    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Find a customer by exactly one contact or reference, anywhere in the organization

        At most 20 times a minute per person. The store one works in may read the profile from then on.
        """
        _count_contacts(data)
        store = home_store_of(g.session, None, by=g.actor)
        found = Customer.search(g.session, data, at=g.now, **_of(store))
        return {"items": [found] if found else []}


@blp.route("/customers/<uuid:customer_id>")
class CustomerById(Resource):
    needs = {"GET": Permission.CUSTOMER_READ, "PATCH": Permission.CUSTOMER_WRITE}
    finds = {"customer_id": Customer}

    @blp.response(200, ProfileSchema)
    def get(self, customer: Customer) -> Customer:
        """Read a profile"""
        return customer

    @blp.arguments(EditCustomerSchema)
    @blp.response(200, ProfileSchema)
    def patch(self, data: dict[str, Any], customer: Customer) -> Customer:
        """Change a profile: a merge patch, null takes a field away"""
        _count_contacts(data)
        store = home_store_of(g.session, None, by=g.actor)
        customer.edit(g.session, by=g.actor, at=g.now, country=store.country if store else None, **data)
        return customer


@blp.route("/customers/<uuid:customer_id>/history")
class CustomerHistory(Resource):
    needs = {"GET": Permission.CUSTOMER_READ}
    finds = {"customer_id": Customer}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, HistorySchema)
    def get(self, query: dict[str, Any], customer: Customer) -> dict[str, Any]:
        """What matters now, what this customer told one's stores, and what was done, newest first"""
        concerns = Concern.listed(g.actor, customer_id=customer.id, with_actions=True)
        now = at_hand(g.session, customer, seen_by=g.actor, at=g.now)
        return {
            "customer": customer,
            "now": now,
            **page(concerns, Concern.received_at, Concern.id, descending=True, **query),
        }


@blp.route("/customers/<uuid:customer_id>/duplicates")
class CustomerDuplicates(Resource):
    needs = {"GET": Permission.CUSTOMER_READ}
    finds = {"customer_id": Customer}

    @blp.response(200, DuplicatesSchema)
    def get(self, customer: Customer) -> dict[str, Any]:
        """Profiles that may be the same person, and why: the same name, or a contact that is spelled differently"""
        return {"items": duplicates_of(g.session, customer, seen_by=g.actor)}


@blp.route("/customers/<uuid:customer_id>/merge")
class MergeCustomers(Resource):
    needs = {"POST": Permission.CUSTOMER_MERGE}
    finds = {"customer_id": Customer}
    holds = frozenset({"POST"})

    @blp.arguments(MergeSchema)
    @blp.response(200, CustomerMergeSchema)
    @once(CustomerMerge, status=200, unless="preview")
    def post(self, data: dict[str, Any], customer: Customer) -> CustomerMerge:
        """Say that another profile is this same person: this one survives and gets what the other one has

        What it lacks is filled in, what it has is kept; of what was said about being contacted the latest counts. The
        other one is not found any more: whoever looks for one of its contacts finds this one.
        """
        other = Customer.find(g.session, data["customer_id"], seen_by=g.actor, pointer="/customer_id")
        if data["preview"]:
            return CustomerMerge.planned(g.session, customer, other)
        merge = CustomerMerge.held(g.session, customer.id, other.id)
        merge.carry_out(g.session, id_=data["id"], by=g.actor, at=g.now)
        return merge


@blp.route("/customers/merges/<uuid:merge_id>/undo")
class UndoMerge(Resource):
    needs = {"POST": Permission.CUSTOMER_MERGE}
    finds = {"merge_id": CustomerMerge}
    holds = frozenset({"POST"})

    @blp.response(200, CustomerMergeSchema)
    @once(CustomerMerge, status=200)
    def post(self, merge: CustomerMerge) -> CustomerMerge:
        """Make two customers of them again; what was changed since stays as it is

        409 when something stands in the way: a merge that came later, or a contact that is in use meanwhile.
        """
        merge.undo(g.session, by=g.actor, at=g.now)
        return merge


def _count_contacts(data: dict[str, Any]) -> None:
    """Whoever tries contacts learns whose they are: by searching, and by being refused one that is in use."""
    if any(data.get(contact) for contact in (*CONTACTS, "reference", "references")):
        count(SEARCHES, str(g.actor.staff_id or g.actor.api_key_id))


def _of(store: Store | None) -> dict[str, Any]:
    return {"country": store.country, "store_id": store.id} if store else {"country": None, "store_id": None}
