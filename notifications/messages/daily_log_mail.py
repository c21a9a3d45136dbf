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
from models.outbox.message import OutboxMessage
from models.reports.daily_log import DailyLogReport, build_daily_log
from models.staff.device import Device
from models.staff.staff import DailyLogSubscription, Staff
from notifications.channels.base import Message, one_line
from notifications.messages.texts import Translate
from notifications.messages.translations import CATALOGUES, closest_language, translations_for


def may_read_log(session: Session, outbox_message: OutboxMessage) -> bool:
    """Whether the one it is for still wants this store's log, and may read it."""
    store, _ = _store_and_day(outbox_message)
    return (
        session.scalars(
            DailyLogSubscription.select_subscribers(store).where(Staff.id == outbox_message.staff_id)
        ).one_or_none()
        is not None
    )


def compose_daily_log_mail(
    session: Session, outbox_message: OutboxMessage, message: Message, *, at: datetime
) -> Message:
    """The letter with the day as its reader sees it at this moment, in the language of the phone they used last."""
    store, day = _store_and_day(outbox_message)
    reader = session.get_one(Staff, (outbox_message.organization_id, outbox_message.staff_id))
    sees = Actor(reader.organization_id, reader.permissions, frozenset({store.id}), reader.id, role=reader.role)
    log = build_daily_log(session, store, day, actor=sees, at=at)
    language = closest_language(_locale_of(session, reader), CATALOGUES) or "en"
    say = translations_for(language).gettext
    written = format_date(day, "long", locale=language)
    title = say("Recovery log: {store}, {date}").format(store=one_line(store.name), date=written)
    text = "\n".join(
        (title, "", *_figure_lines(say, log, language), "", *_waiting_lines(say, log), "", _signed_line(say, log))
    )
    return replace(message, title=title, text=text, path=f"/v1/stores/{store.id}/recovery-logs/{day}")


def _store_and_day(outbox_message: OutboxMessage) -> tuple[Store, date]:
    if outbox_message.store is None or outbox_message.business_date is None:
        raise ValueError(f"a {outbox_message.notification_kind} that is not about a day")
    return outbox_message.store, outbox_message.business_date


def _locale_of(session: Session, reader: Staff) -> str | None:
    theirs = select(Device.locale).where(Device.staff_id == reader.id, Device.locale.is_not(None))
    return session.scalars(theirs.order_by(Device.seen_at.desc()).limit(1)).first()


def _figure_lines(say: Translate, log: DailyLogReport, language: str) -> Iterator[str]:
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


def _waiting_lines(say: Translate, log: DailyLogReport) -> Iterator[str]:
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


def _signed_line(say: Translate, log: DailyLogReport) -> str:
    return say("The day is not signed yet.") if log.page.signed_at is None else say("The day is signed.")
