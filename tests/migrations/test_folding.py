"""Revision 1004: names, numbers and addresses of before are found as they are looked up from then on."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from migrations import folding_1004
from models.customers.contacts import MATCH_KEYS
from models.db.text import fold, name_words
from tests.support.bare_rows import insert_row
from tests.support.databases import ROOT, Databases, migrate

ORGANIZATION = UUID("01a2057b-741c-7631-8cca-22605be163db")
CUSTOMERS = [
    {"name": "Łukasz O’Brien-Łoś", "phone": "+351912345678", "email": "ana@exämple.com"},  # noqa: RUF001
    {"name": None, "phone": None, "email": "ana@xn--exmple-cua.com"},
    {"name": None, "phone": None, "email": "zé@exämple.org"},
    {"name": "Đặng ½", "phone": None, "email": None},
    {"name": None, "phone": "+12125550100", "email": None},
    {"name": None, "phone": "+5215512345678", "email": None},
    {"name": None, "phone": "+520445512345679", "email": None},
    {"name": None, "phone": "+5215587654321", "email": None},
    {"name": None, "phone": "+525587654321", "email": None},
]
ITEMS = ["Shepherd’s pie", "½ chicken", "Crème brûlée"]  # noqa: RUF001 as it was typed


def test_what_was_folded_before_is_folded_again_and_back(
    databases: Databases, database_kind: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(folding_1004, "BATCH", 2)
    with databases.empty(database_kind) as url:
        migrate(url, "1003")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            _fill(connection)
        before = _rows(engine)
        migrate(url, "1004")
        customers, items = _rows(engine)
        assert [row["name_key"] for row in customers] == [row["name"] and fold(row["name"]) for row in customers]
        assert [row["phone_key"] for row in customers] == [
            row["phone"] and MATCH_KEYS["phone"](row["phone"]) for row in customers
        ]
        # The first address is that of another profile already, so that it stays.
        assert [row["email"] for row in customers] == [
            "ana@exämple.com",
            "ana@xn--exmple-cua.com",
            "zé@xn--exmple-cua.org",
            *[None] * 6,
        ]
        assert [row["phone"] for row in customers] == [
            "+351912345678",
            *[None] * 3,
            "+12125550100",
            "+525512345678",
            "+525512345679",
            "+5215587654321",  # somebody else has it without the 1
            "+525587654321",
        ]
        assert [row["name_key"] for row in items] == ["shepherd's pie", "1/2 chicken", "creme brulee"]
        with engine.connect() as connection:
            words = connection.execute(sa.text("SELECT word FROM customer_name_word")).scalars()
            assert sorted(words) == sorted(word for row in customers for word in name_words(row["name"] or ""))
        settings = Config(toml_file=ROOT / "pyproject.toml")
        settings.attributes["database_url"] = url
        command.downgrade(settings, "1003")
        customers, items = _rows(engine)
        assert [(row["name_key"], row["phone_key"]) for row in customers] == [
            (row["name_key"], row["phone_key"]) for row in before[0]
        ]
        assert [row["name_key"] for row in items] == [row["name_key"] for row in before[1]]
        engine.dispose()


def _fill(connection: sa.Connection) -> None:
    """Write rows as the version before would have, with what their tables do not do without."""
    insert_row(connection, "organization", id=ORGANIZATION, slug="acme", name="Acme")
    for number, customer in enumerate(CUSTOMERS):
        keys = {
            "name_key": customer["name"] and folding_1004.fold_before(customer["name"]),
            "phone_key": customer["phone"] and customer["phone"][-8:],
            "email_key": customer["email"],
        }
        insert_row(
            connection, "customer", id=UUID(int=number), organization_id=ORGANIZATION, version=1, **customer, **keys
        )
    for number, name in enumerate(ITEMS):
        key = folding_1004.fold_before(name)
        row = {"slug": f"item-{number}", "name": name, "name_key": key, "version": 1}
        insert_row(connection, "catalogue_item", id=UUID(int=number), organization_id=ORGANIZATION, **row)


def _rows(engine: sa.Engine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with engine.connect() as connection:
        customers, items = (
            connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY id")).mappings().all()  # noqa: S608 our own
            for table in ("customer", "catalogue_item")
        )
    return [dict(row) for row in customers], [dict(row) for row in items]


def test_only_rows_whose_keys_change_are_written(databases: Databases, database_kind: str) -> None:
    with databases.empty(database_kind) as url:
        migrate(url, "1003")
        engine = sa.create_engine(url)
        written: list[Any] = []
        with engine.begin() as connection:
            _fill(connection)
            sa.event.listen(
                connection, "before_execute", lambda **call: written.extend(call["multiparams"]), named=True
            )
            folding_1004._write_keys(connection, folding_1004.ITEM, {"name": folding_1004.fold})
        engine.dispose()
        assert [row["new_name"] for row in written] == [
            "shepherd's pie",
            "1/2 chicken",
        ]  # the brûlée is found as it was
