"""A rule tried on what was logged, before it is kept: how often it would have rung."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.alerts.rule import AlertRule
from models.concerns.concern import Concern
from models.concerns.enums import Handling, Kind
from models.policy_defaults import BACKTEST_WINDOW

MAX_EXAMPLES = 5


@dataclass(frozen=True)
class BacktestResult:
    """Of so many concerns received between two times, those the rule would have rung for; the newest as examples."""

    since: datetime
    until: datetime
    would_have_rung: int
    of: int
    examples: Sequence[UUID]


def backtest_rule(session: Session, rule: AlertRule, *, by: Actor, at: datetime) -> BacktestResult:
    """What this rule alone would have rung for in the last 30 days, of the concerns this person may see."""
    since = at - BACKTEST_WINDOW
    seen = (*Concern.visible_to(by), Concern.received_at > since, Concern.received_at <= at)
    fits = ringing_criteria(rule)
    counted = select(func.count(Concern.id), func.count(Concern.id).filter(and_(*fits)))
    of, would_have_rung = session.execute(counted.where(*seen, Concern.kind != Kind.PRAISE)).one()
    newest = select(Concern.id).where(*seen, *fits).order_by(Concern.received_at.desc(), Concern.id.desc())
    return BacktestResult(since, at, would_have_rung, of, session.scalars(newest.limit(MAX_EXAMPLES)).all())


def ringing_criteria(rule: AlertRule) -> Sequence[ColumnElement[bool]]:
    """Return criteria that keep the concerns a rule would have rung for.

    Praise, concerns told too late and, unless the rule says otherwise, those that somebody handles alone do not ring.
    """
    criteria = [Concern.kind != Kind.PRAISE, Concern.late.is_(False), *rule.matching_criteria()]
    return criteria if rule.rings_mine else [Concern.handling != Handling.MINE, *criteria]
