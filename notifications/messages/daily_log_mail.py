"""The mail about a store's day: its figures and what waits, in numbers; no words, and nothing about a person."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from babel.dates import format_date
from babel.numbers import format_decimal
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.organizations.store import Store
from models.outbox.message import Outgoing
from models.reports.daily_log import RecoveryLog, recovery_log
from models.staff.device import Device
from models.staff.staff import DailyLogReader, Staff
from notifications.channels.base import Letter, one_line
from notifications.messages.texts import Say
from notifications.messages.translations import CATALOGUES, known_language, language_of


def may_read(session: Session, task: Outgoing) -> bool:
    """Whether the one it is for still wants this store's log, and may read it."""
    store, _ = _day_of(task)
    return session.scalars(DailyLogReader.of(store).where(Staff.id == task.staff_id)).one_or_none() is not None


def day_mail(session: Session, task: Outgoing, letter: Letter, *, at: datetime) -> Letter:
    """The letter with the day as its reader sees it at this moment, in the language of the phone they used last."""
    store, day = _day_of(task)
    reader = session.get_one(Staff, (task.organization_id, task.staff_id))
    sees = Actor(reader.organization_id, reader.permissions, frozenset({store.id}), reader.id, role=reader.role)
    log = recovery_log(session, store, day, seen_by=sees, at=at)
    language = known_language(_locale_of(session, reader), CATALOGUES) or "en"
    say = language_of(language).gettext
    written = format_date(day, "long", locale=language)
    title = say("Recovery log: {store}, {date}").format(store=one_line(store.name), date=written)
    text = "\n".join((title, "", *_figures(say, log, language), "", *_waiting(say, log), "", _signed(say, log)))
    return replace(letter, title=title, text=text, path=f"/v1/stores/{store.id}/recovery-logs/{day}")


def _day_of(task: Outgoing) -> tuple[Store, date]:
    if task.store is None or task.business_date is None:
        raise ValueError(f"a {task.kind} that is not about a day")
    return task.store, task.business_date


def _locale_of(session: Session, reader: Staff) -> str | None:
    theirs = select(Device.locale).where(Device.staff_id == reader.id, Device.locale.is_not(None))
    return session.scalars(theirs.order_by(Device.seen_at.desc()).limit(1)).first()


def _figures(say: Say, log: RecoveryLog, language: str) -> Iterator[str]:
    figures = log.figures
    if not figures.concerns:
        yield say("A quiet day: nobody told of a concern.")
        return
    yield say("Concerns: {n}").format(n=figures.concerns)
    yield say("Unhappy: {n}").format(n=figures.unhappy)
    yield say("Recovered: {n}").format(n=figures.recovered)
    yield say("Lost: {n}").format(n=figures.lost)
    yield say("Open: {n}").format(n=figures.open)
    yield say("Told too late to ring: {n}").format(n=figures.late)
    if figures.minutes_to_take.median is not None:
        minutes = format_decimal(figures.minutes_to_take.median, format="0.#", locale=language)
        yield say("Minutes until somebody took it, median: {minutes}").format(minutes=minutes)


def _waiting(say: Say, log: RecoveryLog) -> Iterator[str]:
    needs = log.needs_you_now
    counted = (
        (say("Calls nobody answered: {n}"), needs.unanswered_alerts),
        (say("Concerns to resolve: {n}"), needs.open_concerns),
        (say("Promises due or broken: {n}"), needs.follow_ups),
        (say("Waiting for approval: {n}"), needs.pending_approvals),
        (say("Promised and not paid: {n}"), needs.promised_not_paid),
    )
    lines = [line.format(n=len(those)) for line, those in counted if those]
    yield say("Needs you now:") if lines else say("Nothing waits for you.")
    yield from lines


def _signed(say: Say, log: RecoveryLog) -> str:
    return say("The day is not signed yet.") if log.page.signed_at is None else say("The day is signed.")
