"""Folding in SQL: both databases find what Python finds."""

from sqlalchemy import literal, select

from models.db.folded_text import folded
from models.db.session import ALL_TENANTS
from models.db.text import fold_text
from tests.support.app import App

TEXTS = (
    "Álvaro Zé", "LIMÃO", "Łukasz", "Øyvind ÆØÅ", "Đặng", "Lætitia Œuvre", "Straße", "Þórður", "Ёлкина",
    "L’Étoile – d'or", "Crème brûlée 100% 1⁄2", "Ａna", "", "it's; -- 'quoted' \\",  # noqa: RUF001 what is tried
)  # fmt: skip


def test_text_is_folded_in_the_database_as_it_is_in_python(app: App) -> None:
    with app.database.reading(ALL_TENANTS) as session:
        (row,) = session.execute(select(*(folded(literal(text)) for text in TEXTS))).all()
    assert list(row) == [fold_text(text) for text in TEXTS]
