"""Look-up of words by the name that somebody typed, in every language."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.db.text import fold
from models.organizations.place import Place
from models.organizations.vocabulary import Question
from models.organizations.vocabulary_word import VocabularyWord


def find_by_name(
    session: Session, model: type[VocabularyWord | Place], typed: str, *criteria: ColumnElement[bool]
) -> Any:
    """Return the word that has this name in some language, folded; None without one, and where several have it.

    A retired word counts where none in use has the name. A merged one leads to the word that it was merged into.
    """
    means: Any = getattr(model, "merged_into_id", None)
    meant_id = model.id if means is None else func.coalesce(means, model.id)
    name: Any = getattr(model, "text" if model is Question else "name")
    rows = session.execute(select(meant_id, name, model.names, model.retired_at).where(*criteria)).all()
    key = fold(typed)
    named = [(id_, retired_at) for id_, own, others, retired_at in rows if key in map(fold, [own, *others.values()])]
    in_use = {id_ for id_, retired_at in named if retired_at is None}
    ids = in_use or {id_ for id_, _ in named}
    return session.scalars(select(model).where(model.id.in_(ids))).one() if len(ids) == 1 else None
