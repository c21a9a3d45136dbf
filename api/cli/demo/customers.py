"""The demo's customers: invented names, and contacts that reach nobody.

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
# The one README's walk meets again.
RETURNING_CUSTOMER = {"name": "Beatriz Nevoeiro", "phone": "+351900000101"}
UNKNOWN, REGULAR, NEW = 0.38, 0.47, 0.15  # how often: nobody asked, somebody known, somebody new


def regular_customers(country: str) -> list[dict[str, str]]:
    """The people who come again and again to the stores of a country."""
    dice = Random(f"regulars of {country}")  # noqa: S311 the same invented people every time
    people = [{"name": _name(dice), **_contact(dice, country, number)} for number in range(2, 60)]
    return [RETURNING_CUSTOMER, *people] if country == "PT" else people


def random_customer(dice: Random, known: list[dict[str, str]], country: str) -> dict[str, str] | None:
    """Who is standing there, as far as they told; None when nobody asked."""
    kind = dice.choices(["unknown", "regular", "new"], [UNKNOWN, REGULAR, NEW])[0]
    if kind == "unknown":
        return None
    if kind == "regular":
        return dice.choice(known)
    if dice.random() < 0.2:
        return {"name": _name(dice)}
    return {"name": _name(dice), **_contact(dice, country, dice.randrange(60, 100))}


def _name(dice: Random) -> str:
    return f"{dice.choice(FIRST)} {dice.choice(LAST)}"


def _contact(dice: Random, country: str, number: int) -> dict[str, str]:
    kind = dice.choices(["phone", "visitor", "email", "card"], [60, 10, 15, 15])[0]
    if kind == "visitor":
        return {"phone": f"+44 7700 900{number:03}"}
    if kind == "email":
        return {"email": f"guest-{country.lower()}-{number}@example.com"}
    if kind == "card":
        return {"loyalty_number": f"DEMO-{country}-{number:04}"}
    return {"phone": f"+1 212 555 01{number:02}" if country == "US" else f"+351 900 000 {100 + number}"}
