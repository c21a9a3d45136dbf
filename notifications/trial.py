"""A rule tried on what was logged, before it is kept: how often it would have rung."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.alert_rule import AlertRule
from models.concern import Concern
from models.terms import Kind
from notifications.rules import fitting

A_MONTH = timedelta(days=30)
MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Trial:
    """Of so many concerns received between two times, those the rule would have rung for; the newest as examples."""

    since: datetime
    until: datetime
    would_have_rung: int
    of: int
    examples: Sequence[UUID]


def try_rule(session: Session, rule: AlertRule, *, by: Actor, at: datetime) -> Trial:
    """What this rule alone would have rung for in the last 30 days, of the concerns this person may see."""
    since = at - A_MONTH
    seen = (*Concern.visible_to(by), Concern.received_at > since, Concern.received_at <= at)
    fits = fitting(rule)
    counted = select(func.count(Concern.id), func.count(Concern.id).filter(and_(*fits)))
    of, would_have_rung = session.execute(counted.where(*seen, Concern.kind != Kind.PRAISE)).one()
    newest = select(Concern.id).where(*seen, *fits).order_by(Concern.received_at.desc(), Concern.id.desc())
    return Trial(since, at, would_have_rung, of, session.scalars(newest.limit(MOST_EXAMPLES)).all())
