"""Words of a vocabulary: what categories, causes, questions and remedies have in common."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

MAX_ICON_LENGTH = 40


class VocabularyWord:
    """Mixin of the words that an organization chooses itself.

    `name` (of a question: `text`) is in the organization's first language, `names` has the others, by language tag.
    Lists are ordered by `position`, then by slug. A retired word is not offered any more; phones that were offline may
    still send it.
    """

    names: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    icon: Mapped[str | None] = mapped_column(String(MAX_ICON_LENGTH))  # the name of an icon that the app knows
    retired_at: Mapped[datetime | None]

    @property
    def retired(self) -> bool:
        return self.retired_at is not None
