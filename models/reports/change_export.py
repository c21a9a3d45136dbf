"""What leaves for head office's own tools: a page of the feed, and of each thing in it what it is now."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, lazyload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor, Permission
from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import Aggregate
from models.db.change_feed import Change, ChangeCounter, ChangeOp
from models.db.epoch import current_epoch
from models.errors import Expired
from models.operations.log_concern import CONCERN_CHILDREN
from models.organizations.organization import Region
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.organizations.store_group import StoreGroup
from models.organizations.vocabulary import Category, Question
from models.recovery.action import RecoveryAction
from models.recovery.follow_up import FollowUp
from models.recovery.remedy import Remedy

# What leaves, and what has to be loaded along to show it. Of joined rows there are never more than statements allow.
_EXPORTED: dict[type[Aggregate], Sequence[ExecutableOption]] = {
    Region: (),
    Store: (),
    StoreGroup: (joinedload(StoreGroup.members),),
    Category: (joinedload(Category.causes),),
    Question: (joinedload(Question.category),),
    Remedy: (),
    Concern: tuple(joinedload(getattr(Concern, name)) for name in ("category", "cause", "place", "question")),
    Alert: (lazyload(Alert.notifications), lazyload(Alert.taken_by)),
    RecoveryAction: (lazyload(RecoveryAction.acted_by), lazyload(RecoveryAction.decided_by)),
    FollowUp: (lazyload(FollowUp.owner), lazyload(FollowUp.promised_by)),
    StoreDay: (),
}
RESTRICTED_PERMISSIONS = (Permission.CONCERN_SENSITIVE, Permission.DAY_FIGURES)
KINDS = {model.__tablename__: model for model in _EXPORTED}
_CONCERN_OF = {"concern": Concern.id, **{part.__tablename__: part.concern_id for part in CONCERN_CHILDREN}}


@dataclass(frozen=True)
class ExportCursor:
    """How far a reader has come: in which life of the data, with whose eyes, after which number of the feed."""

    epoch: str
    sees: str  # of what only some see
    seq: int


@dataclass(frozen=True)
class ExportedChange:
    """One thing that changed. `object` is None where it is gone, or hidden from this reader by now."""

    seq: int
    kind: str
    op: ChangeOp
    id: UUID
    store_id: UUID | None
    version: int
    at: datetime
    object: Aggregate | None


@dataclass(frozen=True)
class ExportPage:
    """What comes next, in the order of the feed, and where to come back."""

    items: list[ExportedChange]
    place: ExportCursor
    end_of_stream: bool


def export_changes(session: Session, place: ExportCursor | None, *, limit: int, actor: Actor) -> ExportPage:
    """What became of everything that the next `limit` changes were about; from the beginning without a place.

    What changed several times within the page is there once, with its last number. Expired for a place of another life
    of the data or of a reader who sees other things: what was missed then is in no later page.
    """
    here = ExportCursor(current_epoch(session), " ".join(it for it in RESTRICTED_PERMISSIONS if actor.may(it)), 0)
    last = session.scalars(select(ChangeCounter.last_seq)).one()
    after = place or here
    if (after.epoch, after.sees) != (here.epoch, here.sees) or after.seq > last:
        raise Expired("This cursor is of data that was replaced; empty your copy and begin anew.", start_over=True)
    columns = (Change.seq, Change.kind, Change.op, Change.object_id, Change.store_id, Change.version, Change.at)
    following = select(*columns).where(Change.seq > after.seq, Change.kind.in_(KINDS)).order_by(Change.seq)
    changes = session.execute(following.limit(limit + 1)).all()
    more, changes = len(changes) > limit, changes[:limit]
    seq = changes[-1].seq if more else last
    return ExportPage(_current_objects(session, changes, actor), ExportCursor(here.epoch, here.sees, seq), not more)


def _current_objects(session: Session, changes: Sequence[Any], actor: Actor) -> list[ExportedChange]:
    """The last change of each thing with the thing itself, or with nothing where a reader has to remove theirs."""
    last = {(change.kind, change.object_id): change for change in changes}
    by_kind: dict[str, list[UUID]] = defaultdict(list)
    for (kind, id_), change in last.items():
        if change.op is ChangeOp.UPSERT:
            by_kind[kind].append(id_)
    found = {(kind, row.id): row for kind, ids in by_kind.items() for row in _fetch(session, KINDS[kind], ids, actor)}
    unseen = {kind: [id_ for id_ in ids if (kind, id_) not in found] for kind, ids in by_kind.items()}
    hidden = {(kind, id_) for kind, ids in unseen.items() for id_ in _hidden_ids(session, kind, ids)}
    leaving = []
    for key, change in sorted(last.items(), key=lambda item: item[1].seq):
        row = found.get(key)
        if row is None and change.op is ChangeOp.UPSERT and key not in hidden:
            continue  # this reader never saw it; or it is gone, and the number of its end is still to come
        op, version = (ChangeOp.UPSERT, row.version) if row else (ChangeOp.DELETE, change.version)
        kind, id_ = key
        leaving.append(ExportedChange(change.seq, kind, op, id_, change.store_id, version, change.at, row))
    return leaving


def _fetch(session: Session, model: type[Aggregate], ids: Sequence[UUID], actor: Actor) -> Iterable[Aggregate]:
    stmt = select(model).where(model.id.in_(ids), *model.visible_to(actor)).options(*_EXPORTED[model])
    return session.scalars(stmt).unique()


def _hidden_ids(session: Session, kind: str, ids: Sequence[UUID]) -> Iterable[UUID]:
    """Those that could be seen before their concern was marked as sensitive; of any other not even the id leaves."""
    if not ids or kind not in _CONCERN_OF:
        return ()
    marked = ConcernEvent.details["sensitive"].as_string().is_not(None)
    steps = (ConcernEvent.concern_id == _CONCERN_OF[kind], ConcernEvent.step == ConcernStep.EDITED, marked)
    id_ = KINDS[kind].id
    return session.scalars(select(id_).where(id_.in_(ids), select(ConcernEvent.id).where(*steps).exists()))
