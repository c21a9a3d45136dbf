"""Demo customers: invented names, and contacts that reach nobody.

The numbers: 555-0100 to 555-0199 in the United States and 07700 900000 to 900999 in the United Kingdom are set aside
for fiction; in Portugal no subscriber's number begins with 90.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Kind
from models.concerns.previous import CustomerPast, PreviousConcern
from models.customers.consent import ConsentSource
from models.customers.contacts import normalize_contacts
from models.customers.customer import Customer
from models.db.session import ScopedSession
from models.organizations.store import Store
from models.policy_defaults import FEEDBACK_DAYS_BETWEEN

FIRST = (
    "Abílio", "Beatriz", "Celina", "Dinis", "Elvira", "Fausto", "Graça", "Horácio", "Iolanda", "Jacinto", "Kira",
    "Leonel", "Mafalda", "Norberto", "Odete", "Plácido", "Quitéria", "Ramiro", "Silvana", "Teodoro", "Ursula",
    "Virgílio", "Wanda", "Xénia", "Yara", "Zulmira",
)  # fmt: skip
LAST = (
    "Amarelhe", "Bonfim", "Carrasqueira", "Dornelas", "Esperança", "Falcoeiro", "Galvarro", "Hortelão", "Inverneiro",
    "Jardinete", "Lampreia", "Madrugada", "Nevoeiro", "Outeiral", "Pintassilgo", "Quebrada", "Rosmaninho", "Salgueiral",
    "Tempesta", "Urzeira", "Vendaval", "Zambujal",
)  # fmt: skip
# The customer whom the README's tutorial meets again. They were there on these days only, and given nothing but words.
RETURNING_CUSTOMER = {"name": "Beatriz Nevoeiro", "phone": "+351900000101"}
RETURNING_CUSTOMER_STORE = "harbour"
RETURNING_CUSTOMER_DAYS = (41, 12)  # days before the end on which they were there
UNKNOWN, REGULAR, NEW = 0.38, 0.46, 0.16  # shares of concerns: customer unknown, regular, new


def regular_customers(country: str) -> list[dict[str, str]]:
    """Return the regular customers of the stores in a country."""
    rng = Random(f"regulars of {country}")  # noqa: S311 - the same people every time
    return [{"name": _name(rng), **_contact(rng, country, number)} for number in range(2, 82)]


def random_customer(rng: Random, known: list[dict[str, str]], country: str) -> dict[str, str] | None:
    """Return name and contacts of the customer of a concern, or None where they are not known."""
    kind = rng.choices(["unknown", "regular", "new"], [UNKNOWN, REGULAR, NEW])[0]
    if kind == "unknown":
        return None
    if kind == "regular":
        return rng.choice(known)
    if rng.random() < 0.2:
        return {"name": _name(rng)}
    return {"name": _name(rng), **_contact(rng, country, rng.randrange(82, 100))}


def _name(rng: Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def _contact(rng: Random, country: str, number: int) -> dict[str, str]:
    kind = rng.choices(["phone", "visitor", "email", "card"], [60, 10, 15, 15])[0]
    if kind == "visitor":
        return {"phone": f"+44 7700 900{number:03}"}
    if kind == "email":
        return {"email": f"guest-{country.lower()}-{number}@example.com"}
    if kind == "card":
        return {"loyalty_number": f"DEMO-{country}-{number:04}"}
    return {"phone": f"+1 212 555 01{number:02}" if country == "US" else f"+351 900 000 {100 + number}"}


class CustomerBook:
    """The customers of an organization that were met so far, and what each of them said before.

    It knows without a look-up what the operations would find in the database.
    """

    def __init__(self, session: ScopedSession) -> None:
        self.session = session
        self._by_contact: dict[frozenset[tuple[str, str]], Customer] = {}
        self._met: set[tuple[UUID, UUID]] = set()
        self._concerns: defaultdict[UUID, list[Concern]] = defaultdict(list)
        self._asked_at: dict[UUID, datetime] = {}

    def meet(self, details: dict[str, str], store: Store, *, at: datetime) -> Customer:
        """Return the customer with these details, whom the store has met from now on."""
        normalized = normalize_contacts(details, store.country)
        contact = frozenset((field, value) for field, value in normalized.items() if field != "name")
        customer = self._by_contact.get(contact) if contact else None
        if customer is None or (customer.id, store.id) not in self._met:
            customer = Customer.recognise(self.session, normalized, known=customer, at=at, store_id=store.id)
            self._met.add((customer.id, store.id))
        if contact:
            self._by_contact[contact] = customer
        return customer

    def agree(self, customer: Customer, *, contact: bool, by: Actor, at: datetime) -> None:
        """Record whether the customer may be contacted, once they were asked."""
        if customer.consent is None:
            customer.edit(self.session, by=by, at=at, consent={"contact": contact, "source": ConsentSource.IN_PERSON})

    def past(self, customer: Customer | None, store: Store) -> CustomerPast:
        """Return the last concern of the customer, and when they were last in this store."""
        newest_first = self._concerns[customer.id][::-1] if customer else []
        counted = (concern for concern in newest_first if concern.kind is not Kind.PRAISE)
        previous = next((PreviousConcern(concern.id, concern.received_at) for concern in counted), None)
        here = (concern.business_date for concern in newest_first if concern.store_id == store.id)
        return CustomerPast(previous, next(here, None))

    def add(self, concern: Concern) -> None:
        """Note a concern of a known customer."""
        if concern.customer is not None:
            self._concerns[concern.customer.id].append(concern)

    def remove(self, concern: Concern) -> None:
        """Forget a concern that was taken back."""
        if concern.customer is not None:
            self._concerns[concern.customer.id].remove(concern)

    def may_be_asked(self, concern: Concern, *, at: datetime) -> bool:
        """Return whether the customer was not asked how it was within the last days, and note that they are now."""
        key = concern.customer.id if concern.customer else concern.id
        asked_at = self._asked_at.get(key)
        if asked_at is not None and at - asked_at <= timedelta(days=FEEDBACK_DAYS_BETWEEN):
            return False
        self._asked_at[key] = at
        return True
