"""Must hold for whatever people type: one customer is found in every spelling, and two are never made one."""

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import assume, given
from hypothesis import strategies as st

from models.access import GRANTS, Actor, Role
from models.customers.contacts import normalize_contacts
from models.customers.customer import Customer
from tests.support.app import App
from tests.support.factories import customers
from tests.support.factories.organizations import Shop
from tests.support.profiles import examples


@dataclass(frozen=True)
class Country:
    """How numbers of a country are dialled, from abroad and at home."""

    code: str
    calling_code: str
    abroad: str  # what is dialled before the calling code of another country
    home: tuple[str, ...]  # what may stand before a national number
    starts: tuple[str, ...]  # of national numbers
    digits: int
    old_forms: tuple[str, ...] = ()  # in which a number is spelled as well


COUNTRIES: Final = (
    Country("PT", "351", "00", ("",), ("21", "91"), 9),
    Country("US", "1", "011", ("", "1"), ("2122", "3053"), 10),
    Country("GB", "44", "00", ("0",), ("20", "79"), 10, ("+44 (0){}",)),
    Country("DE", "49", "00", ("0",), ("30", "171"), 10, ("+49 (0){}",)),
    Country("FR", "33", "00", ("0",), ("1", "6"), 9, ("+33 (0){}",)),
    Country("IT", "39", "00", ("",), ("06", "33"), 10),
    Country("MX", "52", "00", ("", "01", "044", "045", "1"), ("55", "33"), 10, ("+52 1 {}",)),
    Country("JP", "81", "010", ("0",), ("90", "80"), 10),
)
NAMES: Final = {  # in six scripts; with what somebody types to find them
    "Łukasz O’Brien-Łoś": ("lukasz", "OBRIEN", "o'brien", "O`Bri luk", "łoś", "los"),  # noqa: RUF001
    "Lætitia Đặng Øyvind": ("laetitia", "DANG", "oyvind laet", "đặng"),
    "Анна Ёлкина": ("анна", "ЕЛКИНА", "ёлк", "елк ан"),
    "Γιώργος Παπαδόπουλος": ("γιωργος", "ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπ γιω"),
    "محـمد علي حسن": ("محمد", "حسن", "مح حسن"),
    "हिन्दी सिंह": ("हिन्दी", "हिन्दी सिं"),
    "李小龙": ("李小", "李小龙"),
    "Işıl Yılmaz": ("isil", "IŞIL", "yilmaz", "Yılm"),  # noqa: RUF001
}
SEPARATORS: Final = (" ", "", "-", ".", "\u00a0", "\u200b", "\u2011", " \u200e")
EXTENSIONS: Final = (" ext. {}", " ext {}", " x{}", ";ext={}", " #{}", " extensão {}", " ramal {}")
ARABIC: Final = {ord(str(digit)): chr(0x660 + digit) for digit in range(10)}


@dataclass(frozen=True)
class Person:
    """Somebody with a phone number of their own, or an extension of their own behind one."""

    country: Country
    national: str
    extension: str
    name: str


@st.composite
def people(draw: st.DrawFn) -> Person:
    country = draw(st.sampled_from(COUNTRIES))
    start = draw(st.sampled_from(country.starts))
    rest = draw(st.text("0123456789", min_size=country.digits - len(start), max_size=country.digits - len(start)))
    extension = draw(st.sampled_from(["", "", "7", "12", "012", "34", "4711"]))
    person = Person(country, start + rest, extension, draw(st.sampled_from(sorted(NAMES))))
    assume(len(set(person.national)) > 1)
    return person


@st.composite
def others_than(draw: st.DrawFn, person: Person) -> Person:
    """Return somebody else: behind the same switchboard, with the same digits in another country, or far away."""
    other = draw(people())
    kind = draw(st.sampled_from(["anybody", "behind the same switchboard", "next door"]))
    if kind == "behind the same switchboard":
        other = Person(person.country, person.national, other.extension, other.name)
    elif kind == "next door":
        last = str((int(person.national[-1]) + 1) % 10)
        other = Person(person.country, person.national[:-1] + last, person.extension, other.name)
    assume((other.country, other.national, other.extension) != (person.country, person.national, person.extension))
    assume(len(set(other.national)) > 1)
    return other


@st.composite
def spellings_of(draw: st.DrawFn, person: Person) -> dict[str, str]:
    """Return the contacts as somebody in the person's country types them."""
    country, separator = person.country, draw(st.sampled_from(SEPARATORS))
    groups = [person.national[:2], person.national[2:5], person.national[5:]]
    national = separator.join(groups)
    forms = [
        f"+{country.calling_code}{separator}{national}",
        f"{country.abroad}{country.calling_code}{separator}{national}",
        *(f"{prefix}{separator if prefix else ''}{national}" for prefix in country.home),
        *(form.format(national) for form in country.old_forms),
    ]
    phone = draw(st.sampled_from(forms))
    beside = {}
    if person.extension:
        form = draw(st.sampled_from((None, *EXTENSIONS)))
        if form is None:
            beside = {"phone_extension": draw(st.sampled_from(["{}", " {} ", "ext. {}"])).format(person.extension)}
        else:
            phone += form.format(person.extension)
    if draw(st.booleans()) and ";" not in phone:
        phone = phone.translate(ARABIC)
    return {"phone": f" {phone}\u200b", **beside, "name": draw(spellings_of_name(person.name))}


@st.composite
def spellings_of_name(draw: st.DrawFn, name: str) -> str:
    form = draw(st.sampled_from(["NFC", "NFD", "upper", "zero width"]))
    if form == "upper":
        return name.upper()
    return "\u200b".join(name) if form == "zero width" else unicodedata.normalize(form, name)


@examples(quick=50, deep=300)
@given(data=st.data())
def test_a_contact_has_one_form_in_every_spelling_and_two_have_two(data: st.DataObject) -> None:
    person = data.draw(people())
    other = data.draw(others_than(person))

    def form_of(somebody: Person) -> dict[str, str]:
        contacts = data.draw(spellings_of(somebody))
        contacts.pop("name")
        return normalize_contacts(contacts, somebody.country.code)

    expected = {"phone": f"+{person.country.calling_code}{person.national}"}
    expected |= {"phone_extension": person.extension} if person.extension else {}
    assert form_of(person) == form_of(person) == expected
    assert form_of(other) != expected


class Undo(Exception):  # noqa: N818, RUF100
    """Ends a transaction without a trace."""


@examples(quick=4, deep=20)
@given(data=st.data())
def test_one_person_is_found_in_every_spelling_and_two_are_never_merged(
    app: App, shop: Shop, data: st.DataObject
) -> None:
    pair = [person := data.draw(people()), data.draw(others_than(person))]
    everywhere = Actor(shop.organization_id, GRANTS[Role.ADMIN], None)
    try:
        with app.database.writing(shop.organization_id) as session:
            ids: list[set[Any]] = [set(), set()]
            for number in data.draw(
                st.lists(st.integers(0, 1), min_size=2, max_size=5).map(lambda said: [0, 1, *said])
            ):
                contacts = data.draw(spellings_of(pair[number]))
                met = customers.recognise(session, shop.store_id, country=pair[number].country.code, **contacts)
                ids[number].add(met.id)
                contacts.pop("name")
                country, by = pair[number].country.code, Actor.unauthenticated(shop.organization_id)
                customer = Customer.search(session, contacts, by=by, country=country, store_id=None, at=app.clock())
                assert customer is met
            assert [len(of_one) for of_one in ids] == [1, 1]
            assert ids[0] != ids[1]
            session.flush()
            for somebody, of_one in zip(pair, ids, strict=True):
                for typed in NAMES[somebody.name]:
                    assert of_one <= {
                        customer.id for customer in session.scalars(Customer.select_named(everywhere, typed))
                    }
                end = Customer.select_by_phone_end(everywhere, somebody.national[-6:])
                assert of_one <= {customer.id for customer in session.scalars(end)}
            raise Undo  # noqa: TRY301
    except Undo:
        pass
