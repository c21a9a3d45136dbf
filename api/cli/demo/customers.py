"""Demo customers: invented names, and contacts that reach nobody.

The numbers: 555-0100 to 555-0199 in the United States and 07700 900000 to 900999 in the United Kingdom are set aside
for fiction; in Portugal no subscriber's number begins with 90.
"""

from random import Random

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
# The customer whom the README's tutorial meets again.
RETURNING_CUSTOMER = {"name": "Beatriz Nevoeiro", "phone": "+351900000101"}
UNKNOWN, REGULAR, NEW = 0.38, 0.47, 0.15  # shares of concerns: customer unknown, regular, new


def regular_customers(country: str) -> list[dict[str, str]]:
    """Return the regular customers of the stores in a country."""
    rng = Random(f"regulars of {country}")  # noqa: S311 - the same people every time
    people = [{"name": _name(rng), **_contact(rng, country, number)} for number in range(2, 60)]
    return [RETURNING_CUSTOMER, *people] if country == "PT" else people


def random_customer(rng: Random, known: list[dict[str, str]], country: str) -> dict[str, str] | None:
    """Return name and contacts of the customer of a concern, or None where they are not known."""
    kind = rng.choices(["unknown", "regular", "new"], [UNKNOWN, REGULAR, NEW])[0]
    if kind == "unknown":
        return None
    if kind == "regular":
        return rng.choice(known)
    if rng.random() < 0.2:
        return {"name": _name(rng)}
    return {"name": _name(rng), **_contact(rng, country, rng.randrange(60, 100))}


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
