"""Change export: pages of the change feed for head office's own tools, each changed object in its current state."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
from models.organizations.vocabulary import Category, Cause, Question
from models.recovery.action import RecoveryAction
from models.recovery.feedback_request import FeedbackRequest
from models.recovery.follow_up import FollowUp
from models.recovery.remedy import Remedy

# The exported models, and what is loaded with each by a join, so that a page costs one statement for each kind.
_EAGER_OPTIONS: dict[type[Aggregate], Sequence[ExecutableOption]] = {
    Region: (),
    Store: (),
    StoreGroup: (joinedload(StoreGroup.members),),
    Category: (joinedload(Category.merged_into), joinedload(Category.causes).joinedload(Cause.merged_into)),
    Question: (joinedload(Question.category),),
    Remedy: (),
    Concern: tuple(
        joinedload(getattr(Concern, name)) for name in ("filed_category", "filed_cause", "place", "question")
    ),
    Alert: (lazyload(Alert.notifications), lazyload(Alert.taken_by)),
    RecoveryAction: (lazyload(RecoveryAction.acted_by), lazyload(RecoveryAction.decided_by)),
    FollowUp: (lazyload(FollowUp.owner), lazyload(FollowUp.promised_by)),
    FeedbackRequest: (lazyload(FeedbackRequest.asked_by),),
    StoreDay: (),
}
# Permissions without which a reader does not see all objects or fields.
RESTRICTED_PERMISSIONS = (Permission.CONCERN_SENSITIVE, Permission.DAY_FIGURES)
KINDS: dict[str, type[Aggregate]] = {model.__tablename__: model for model in _EAGER_OPTIONS}
_CONCERN_ID = {"concern": Concern.id, **{child.__tablename__: child.concern_id for child in CONCERN_CHILDREN}}


@dataclass(frozen=True)
class ExportCursor:
    """Position of a reader in the change feed.

    It holds the epoch of the data and the reader's permissions, because a page is only a continuation where both are
    the same as before.
    """

    epoch: str
    permissions: str  # those of RESTRICTED_PERMISSIONS that the reader has, separated by spaces
    seq: int  # of the last change that was read


@dataclass(frozen=True)
class ExportedChange:
    """One changed object. `object` is None where it was deleted, or is now hidden from this reader."""

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
    """Changed objects in the order of the feed, and the cursor of the next page."""

    items: list[ExportedChange]
    next_cursor: ExportCursor
    end_of_stream: bool


def export_changes(session: Session, cursor: ExportCursor | None, *, limit: int, actor: Actor) -> ExportPage:
    """Return the objects of the next `limit` changes after the cursor, or of the first ones without a cursor.

    An object that changed several times within the page is there once, at its last change.

    Raises Expired for a cursor of another epoch of the data, or of a reader with other permissions: what such a reader
    missed would be in no later page.
    """
    permissions = " ".join(name for name in RESTRICTED_PERMISSIONS if actor.may(name))
    beginning = ExportCursor(current_epoch(session), permissions, 0)
    last_seq = session.scalars(select(ChangeCounter.last_seq)).one()
    cursor = cursor or beginning
    if (cursor.epoch, cursor.permissions) != (beginning.epoch, permissions) or cursor.seq > last_seq:
        raise Expired("This cursor is of data that was replaced; empty your copy and begin anew.", start_over=True)
    columns = (Change.seq, Change.kind, Change.op, Change.object_id, Change.store_id, Change.version, Change.at)
    stmt = select(*columns).where(Change.seq > cursor.seq, Change.kind.in_(KINDS)).order_by(Change.seq)
    changes = session.execute(stmt.limit(limit + 1)).all()
    has_more, changes = len(changes) > limit, changes[:limit]
    next_cursor = replace(beginning, seq=changes[-1].seq if has_more else last_seq)
    return ExportPage(_export_objects(session, changes, actor), next_cursor, end_of_stream=not has_more)


def _export_objects(session: Session, changes: Sequence[Any], actor: Actor) -> list[ExportedChange]:
    """Return the last change of each object, with the object or, where the reader has to delete theirs, without."""
    last_changes = {(change.kind, change.object_id): change for change in changes}
    ids_by_kind: dict[str, list[UUID]] = defaultdict(list)
    for (kind, id_), change in last_changes.items():
        if change.op is ChangeOp.UPSERT:
            ids_by_kind[kind].append(id_)
    visible = {
        (kind, row.id): row for kind, ids in ids_by_kind.items() for row in _fetch(session, KINDS[kind], ids, actor)
    }
    invisible = {kind: [id_ for id_ in ids if (kind, id_) not in visible] for kind, ids in ids_by_kind.items()}
    hidden = {(kind, id_) for kind, ids in invisible.items() for id_ in _hidden_ids(session, kind, ids)}
    exported = []
    for key, change in sorted(last_changes.items(), key=lambda item: item[1].seq):
        row = visible.get(key)
        if row is None and change.op is ChangeOp.UPSERT and key not in hidden:
            continue  # the reader never saw it, or it was deleted meanwhile and that change is on a later page
        op, version = (ChangeOp.UPSERT, row.version) if row else (ChangeOp.DELETE, change.version)
        kind, id_ = key
        exported.append(ExportedChange(change.seq, kind, op, id_, change.store_id, version, change.at, row))
    return exported


def _fetch(session: Session, model: type[Aggregate], ids: Sequence[UUID], actor: Actor) -> Iterable[Aggregate]:
    stmt = select(model).where(model.id.in_(ids), *model.visible_to(actor)).options(*_EAGER_OPTIONS[model])
    return session.scalars(stmt).unique()


def _hidden_ids(session: Session, kind: str, ids: Sequence[UUID]) -> Iterable[UUID]:
    """Return the ids of objects that were visible until their concern became sensitive.

    Of other objects that the reader does not see, not even the id is exported.
    """
    if not ids or kind not in _CONCERN_ID:
        return ()
    became_sensitive = ConcernEvent.details["sensitive"].as_string().is_not(None)
    criteria = (ConcernEvent.concern_id == _CONCERN_ID[kind], ConcernEvent.step == ConcernStep.EDITED, became_sensitive)
    id_ = KINDS[kind].id
    return session.scalars(select(id_).where(id_.in_(ids), select(ConcernEvent.id).where(*criteria).exists()))
