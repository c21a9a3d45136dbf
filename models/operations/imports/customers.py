"""Import of customers: profiles from another system, recognised by the reference they have there.

A line describes the customer with this source and reference. Where nobody has it, the line describes the one customer
with its contacts, who gets the reference; where there is none either, a new one. All look-ups see the customers as they
were before the import, so that the order of lines does not matter.
"""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from models.access import Actor, Permission
from models.customers.contacts import (
    COLUMNS_BY_CONTACT,
    CONTACT_FIELDS,
    IDENTITY_FIELDS,
    MAX_EXTENSION_LENGTH,
    MAX_LOYALTY_NUMBER_LENGTH,
    MAX_PHONE_LENGTH,
    to_email,
    to_loyalty_number,
    to_phone,
)
from models.customers.customer import IDENTIFYING_FIELDS, Customer, CustomerNameWord
from models.customers.external_id import MAX_REFERENCE_LENGTH, ExternalId
from models.db.many_values import is_any_of
from models.db.session import ScopedSession
from models.db.text import MAX_NAME_LENGTH
from models.errors import Forbidden, Invalid
from models.operations.imports.columns import Column, FaultCode, entries, language, slug, text
from models.operations.imports.engine import ImportKind, Line, LineVerdict
from models.organizations.organization import Organization
from models.organizations.store import Store

PROFILE_FIELDS: Final = ("name", *IDENTITY_FIELDS, "preferred_name", "languages", "tags")
Reference = tuple[str, str]  # source and reference
Contact = tuple[str, tuple[str, ...]]  # field and the values of its columns


def _loyalty_number(cell: str) -> str:
    return to_loyalty_number(text(MAX_LOYALTY_NUMBER_LENGTH)(cell))


class CustomerImport(ImportKind):
    """Import of customers. Consent is never imported: it is the customer's word, not that of another system."""

    name = "customers"
    key_column = "reference"
    columns = (
        Column("source", slug, ("crm", "crm"), required=True),
        Column("reference", text(MAX_REFERENCE_LENGTH), ("10042", "10043"), required=True),
        Column("name", text(MAX_NAME_LENGTH), ("Maria Example", "João Example")),
        Column("phone", text(MAX_PHONE_LENGTH), ("912 345 678", "210 000 020")),
        Column("phone_extension", text(MAX_EXTENSION_LENGTH), ("", "12")),
        Column("email", to_email, ("maria@example.com", "")),
        Column("loyalty_number", _loyalty_number, ("", "L-7731")),
        Column("preferred_name", text(MAX_NAME_LENGTH), ("Ms Example", "")),
        Column("languages", entries(10, language), ("pt; en", "pt")),
        Column("tags", entries(20, text(40)), ("regular; vegan", "")),
        Column("store", slug, ("harbour", "harbour")),
    )

    def __init__(self, session: ScopedSession, *, by: Actor, at: datetime) -> None:
        if by.store_ids is not None:
            raise Forbidden("Customers belong to the whole organization: a sign-in for some stores cannot import them.")
        if not by.may(Permission.CUSTOMER_LIST):  # the answer says which contacts are known, also when nothing is kept
            raise Forbidden("An import tells which customers there are: it needs the permission to list them, too.")
        super().__init__(session, by=by, at=at)
        self._stores: dict[str, Store] = {}
        self._customer_ids: dict[Reference, UUID] = {}
        self._owners: dict[Contact, UUID] = {}  # who has a contact, or the customer that they were merged into
        self._customers: dict[UUID, Customer] = {}
        self._sources: set[tuple[UUID, str]] = set()  # in which sources a customer has a reference
        self._line_of_customer: dict[UUID, Line] = {}
        self._line_of_contact: dict[Contact, Line] = {}
        self._changed: list[Customer] = []
        self._named: list[Customer] = []
        self._renamed: list[Customer] = []
        self._contacts_of_merged: dict[str, list[tuple[str, ...]]] = {field: [] for field in CONTACT_FIELDS}

    def key(self, line: Line) -> tuple[str, Hashable] | None:
        reference = _reference(line)
        return None if reference is None else (self.key_column, reference)

    def load(self, lines: Sequence[Line]) -> None:
        self._stores = self.load_named(Store, lines)
        self._read_phones(lines)
        self._load_references([reference for line in lines if (reference := _reference(line))])
        for field in CONTACT_FIELDS:
            self._load_owners(field, [values for line in lines for name, values in _contacts(line) if name == field])
        strangers = [line for line in lines if _reference(line) not in self._customer_ids]
        contacts = [contact for line in strangers for contact in _contacts(line)]
        self._load_customers({self._owners[contact] for contact in contacts if contact in self._owners})

    def _read_phones(self, lines: Sequence[Line]) -> None:
        """Read phone numbers with the country of their line's store, or else that of the organization."""
        region = select(Organization.phone_region).where(Organization.id == self.by.organization_id)
        default = self.session.scalars(region).one()
        for line in lines:
            store = self._stores.get(line.values.get("store", ""))
            phone, extension = (line.values.pop(column, None) for column in COLUMNS_BY_CONTACT["phone"])
            if phone is not None:
                try:
                    country = store.country if store else default
                    line.values["phone"], line.values["phone_extension"] = to_phone(phone, country, extension)
                except Invalid as error:
                    # Without its store it may be as it should be.
                    if all(fault.column != "store" for fault in line.faults):
                        line.refuse((error.pointer or "/phone")[1:], FaultCode.INVALID, error.detail)
            elif extension is not None and all(fault.column != "phone" for fault in line.faults):
                detail = "An extension needs the phone number that it belongs to."
                line.refuse("phone_extension", FaultCode.INVALID, detail)

    def _load_references(self, references: Sequence[Reference]) -> None:
        """Load the customers who have these references."""
        is_wanted = is_any_of(self.session, (ExternalId.source, ExternalId.reference), references)
        columns = select(ExternalId.source, ExternalId.reference, Customer)
        stmt = columns.join(Customer, Customer.id == ExternalId.customer_id).where(is_wanted)
        for source, reference, customer in self.session.execute(stmt):
            self._customer_ids[source, reference] = customer.id
            self._customers[customer.id] = customer

    def _load_owners(self, field: str, contacts: Sequence[tuple[str, ...]]) -> None:
        """Note who has these contacts."""
        columns = _columns(field)
        is_wanted = is_any_of(self.session, columns, contacts)
        owner_id = func.coalesce(Customer.merged_into_id, Customer.id)
        for customer_id, *values in self.session.execute(select(owner_id, *columns).where(is_wanted)):
            self._owners[field, tuple(values)] = customer_id

    def _load_customers(self, customer_ids: set[UUID]) -> None:
        """Load customers by their ids, and note in which sources they have references."""
        ids = [(customer_id,) for customer_id in customer_ids]
        customers = self.session.scalars(select(Customer).where(is_any_of(self.session, (Customer.id,), ids)))
        self._customers |= {customer.id: customer for customer in customers}
        is_wanted = is_any_of(self.session, (ExternalId.customer_id,), ids)
        sources = self.session.execute(select(ExternalId.customer_id, ExternalId.source).where(is_wanted))
        self._sources = {(customer_id, source) for customer_id, source in sources}

    def apply(self, line: Line) -> LineVerdict:
        present = line.values.keys() | {fault.column for fault in line.faults}
        if not present & IDENTIFYING_FIELDS:
            detail = "Give a name, a phone number, an e-mail address or a loyalty number."
            line.refuse(None, FaultCode.MISSING_VALUE, detail)
        reference = _reference(line)
        if reference is None:
            return LineVerdict.REFUSED
        customer_id = self._recognise(line, reference)
        self._refuse_repeated(line, customer_id)
        if line.faults:
            return LineVerdict.REFUSED
        if customer_id is None:
            return self._create(line, reference)
        return self._update(line, reference, self._customers[customer_id])

    def _recognise(self, line: Line, reference: Reference) -> UUID | None:
        """Return the customer whom a line describes, or None for a new one. Refuse the contacts that do not fit.

        Who has the contacts of a new reference, and another reference of the same source, is somebody else for it.
        """
        owners = {contact[0]: self._owners[contact] for contact in _contacts(line) if contact in self._owners}
        customer_id = self._customer_ids.get(reference)
        detail = "Another customer has this."
        if customer_id is not None:
            unfit = [field for field, owner_id in owners.items() if owner_id != customer_id]
        elif len(set(owners.values())) > 1:
            unfit, detail = list(owners), "Two customers have the contacts of this line."
        else:
            customer_id = next(iter(owners.values()), None)
            is_somebody_else = (customer_id, reference[0]) in self._sources
            unfit = list(owners) if is_somebody_else else []
            detail = f"The customer who has this has another reference of {reference[0]}."
        for field in unfit:
            line.refuse(field, FaultCode.IN_USE, detail)
        return customer_id

    def _refuse_repeated(self, line: Line, customer_id: UUID | None) -> None:
        """Refuse a line with the contact or the customer of an earlier line: it is unclear which of the two counts."""
        at_fault = {fault.column for fault in line.faults}
        for contact in _contacts(line):
            first = self._line_of_contact.setdefault(contact, line)
            if _reference(first) != _reference(line) and contact[0] not in at_fault:
                line.refuse_as_duplicate(first, contact[0])
        if customer_id is not None:
            first = self._line_of_customer.setdefault(customer_id, line)
            if _reference(first) != _reference(line) and not line.faults:
                detail = f"Lines {first.number} and {line.number} describe the same customer."
                line.refuse("reference", FaultCode.DUPLICATE_LINE, detail)

    def _create(self, line: Line, reference: Reference) -> LineVerdict:
        store = self._stores.get(line.values.get("store", ""))
        customer = Customer(**_profile(line), created_at=self.at, first_store_id=store.id if store else None)
        self.session.add_all([customer, _external_id(customer, reference)])
        self._named.append(customer)
        return LineVerdict.CREATED

    def _update(self, line: Line, reference: Reference, customer: Customer) -> LineVerdict:
        profile = _profile(line)
        if not profile.get("phone_extension") and profile.get("phone") == customer.phone:
            profile.pop("phone_extension", None)  # blank, it leaves what is there
        changes = {field: value for field, value in profile.items() if getattr(customer, field) != value}
        is_new_reference = reference not in self._customer_ids
        if not changes and not is_new_reference:
            return LineVerdict.UNCHANGED
        for field, values in _contacts(line):
            if changes.keys() & {*COLUMNS_BY_CONTACT[field]} and (field, values) in self._owners:
                self._contacts_of_merged[field].append(values)
        customer.set_fields(changes)
        self._changed.append(customer)
        if "name" in changes:
            self._renamed.append(customer)
        if is_new_reference:
            self.session.add(_external_id(customer, reference))
        return LineVerdict.UPDATED

    def finish(self) -> None:
        """Write the changes, after removing contacts from merged profiles whose survivors have them now."""
        for field, contacts in self._contacts_of_merged.items():
            if contacts:
                has_contact = is_any_of(self.session, _columns(field), contacts)
                Customer.remove_from_merged(self.session, has_contact, field)
        self.session.bulk_update(self._changed)
        self.session.flush()  # the words of names follow their profiles
        CustomerNameWord.add_all(self.session, self._named)
        if self._renamed:
            CustomerNameWord.replace_all(self.session, self._renamed)


def _reference(line: Line) -> Reference | None:
    """Return source and reference of a line, or None where one of them is missing."""
    if {"source", "reference"} <= line.values.keys():
        return line.values["source"], line.values["reference"]
    return None


def _columns(field: str) -> list[Any]:
    return [getattr(Customer, column) for column in COLUMNS_BY_CONTACT[field]]


def _contacts(line: Line) -> list[Contact]:
    return [
        (field, tuple(line.values[column] for column in columns))
        for field, columns in COLUMNS_BY_CONTACT.items()
        if field in line.values
    ]


def _profile(line: Line) -> dict[str, Any]:
    """Return the fields of the profile that a line has; a blank cell leaves what is there."""
    return {field: line.values[field] for field in PROFILE_FIELDS if field in line.values}


def _external_id(customer: Customer, reference: Reference) -> ExternalId:
    return ExternalId(customer_id=customer.id, source=reference[0], reference=reference[1])
