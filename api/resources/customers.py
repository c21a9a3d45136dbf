"""Customers: profiles, the search by contact, the history."""

from typing import Any

from flask import g

from api.blueprint import Blueprint
from api.idempotency import once
from api.limits import SEARCHES, count
from api.paging import page
from api.resource import Resource
from api.schemas.base import PageQuery, page_of
from api.schemas.customers import (
    CustomerMatchesSchema,
    CustomerQuery,
    CustomerSchema,
    CustomerSearchSchema,
    EditCustomerSchema,
    HistorySchema,
    NewCustomerSchema,
)
from models.access import Permission
from models.concern import Concern
from models.customer import CONTACTS, Customer
from models.intake import home_store_of
from models.store import Store

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
    @blp.response(201, CustomerSchema)
    @once(Customer, status=201)
    def post(self, data: dict[str, Any]) -> Customer:
        """Create a customer

        A contact that is another customer's is refused with 409 `already-exists`: search finds whose it is. A national
        phone number is read with the country of the store one is on shift in.
        """
        _count_contacts(data)
        store = home_store_of(g.session, data.pop("store_id", None), by=g.actor)
        return Customer.create(g.session, id_=data.pop("id"), at=g.now, **_of(store), **data)


@blp.route("/customers/search")
class CustomerSearch(Resource):
    needs = {"POST": Permission.CUSTOMER_READ}

    @blp.arguments(CustomerSearchSchema)
    @blp.response(200, CustomerMatchesSchema)
    @blp.refuses(429)
    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Find a customer by exactly one contact, anywhere in the organization

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

    @blp.response(200, CustomerSchema)
    def get(self, customer: Customer) -> Customer:
        """Read a profile"""
        return customer

    @blp.arguments(EditCustomerSchema)
    @blp.response(200, CustomerSchema)
    def patch(self, data: dict[str, Any], customer: Customer) -> Customer:
        """Change a profile: a merge patch, null takes a field away"""
        _count_contacts(data)
        store = home_store_of(g.session, None, by=g.actor)
        customer.edit(g.session, country=store.country if store else None, **data)
        return customer


@blp.route("/customers/<uuid:customer_id>/history")
class CustomerHistory(Resource):
    needs = {"GET": Permission.CUSTOMER_READ}
    finds = {"customer_id": Customer}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, HistorySchema)
    def get(self, query: dict[str, Any], customer: Customer) -> dict[str, Any]:
        """What this customer told one's stores, and what was done, newest first"""
        concerns = Concern.listed(g.actor, customer_id=customer.id, with_actions=True)
        return {"customer": customer, **page(concerns, Concern.received_at, Concern.id, descending=True, **query)}


def _count_contacts(data: dict[str, Any]) -> None:
    """Whoever tries contacts learns whose they are: by searching, and by being refused one that is in use."""
    if any(data.get(contact) for contact in CONTACTS):
        count(SEARCHES, str(g.actor.staff_id or g.actor.api_key_id))


def _of(store: Store | None) -> dict[str, Any]:
    return {"country": store.country, "store_id": store.id} if store else {"country": None, "store_id": None}
