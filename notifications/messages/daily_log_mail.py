"""Daily log mail: the figures of a store's day and what waits, in numbers only; nothing about a person."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from babel.dates import format_date
from babel.numbers import format_decimal
from sqlalchemy.orm import Session

from models.access import Actor
from models.organizations.names import closest_language
from models.organizations.store import Store
from models.outbox.message import OutboxMessage
from models.reports.daily_log import DailyLogReport, build_daily_log
from models.staff.staff import DailyLogSubscription, Staff
from notifications.channels.base import Message, one_line
from notifications.messages.texts import Translate
from notifications.messages.translations import CATALOGUES, translations_for


def may_read_log(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> bool:
    """Whether the recipient still subscribes to this store's log, and may read it."""
    store, _day = _store_and_day(outbox_message)
    stmt = DailyLogSubscription.select_subscribers(store, at=at).where(Staff.id == outbox_message.staff_id)
    return session.scalars(stmt).one_or_none() is not None


def compose_daily_log_mail(
    session: Session, outbox_message: OutboxMessage, message: Message, *, locale: str | None, at: datetime
) -> Message:
    """Return the message with the day as its reader sees it now, in their language."""
    store, day = _store_and_day(outbox_message)
    reader = session.get_one(Staff, (outbox_message.organization_id, outbox_message.staff_id))
    actor = Actor(reader.organization_id, reader.permissions, frozenset({store.id}), reader.id, role=reader.role)
    log = build_daily_log(session, store, day, actor=actor, at=at)
    language = closest_language(locale, CATALOGUES) or "en"
    _ = translations_for(language).gettext
    formatted_date = format_date(day, "long", locale=language)
    title = _("Recovery log: {store}, {date}").format(store=one_line(store.name), date=formatted_date)
    text = "\n".join(
        (title, "", *_figure_lines(_, log, language), "", *_waiting_lines(_, log), "", _signed_line(_, log))
    )
    return replace(message, title=title, text=text)  # without the log's address: a browser has no token for it


def _store_and_day(outbox_message: OutboxMessage) -> tuple[Store, date]:
    if outbox_message.store is None or outbox_message.business_date is None:
        raise ValueError(f"a {outbox_message.notification_kind} that is not about a day")
    return outbox_message.store, outbox_message.business_date


def _figure_lines(_: Translate, log: DailyLogReport, language: str) -> Iterator[str]:
    figures = log.figures
    if not figures.concerns:
        yield _("A quiet day: nobody told of a concern.")
        return
    yield _("Concerns: {n}").format(n=figures.concerns)
    yield _("Unhappy: {n}").format(n=figures.unhappy)
    yield _("Recovered: {n}").format(n=figures.recovered)
    yield _("Lost: {n}").format(n=figures.lost)
    yield _("Open: {n}").format(n=figures.open)
    yield _("Told too late to ring: {n}").format(n=figures.late)
    if figures.minutes_to_take.median is not None:
        minutes = format_decimal(figures.minutes_to_take.median, format="0.#", locale=language)
        yield _("Minutes until somebody took it, median: {minutes}").format(minutes=minutes)


def _waiting_lines(_: Translate, log: DailyLogReport) -> Iterator[str]:
    waiting = log.needs_you_now
    counts = (
        (_("Calls nobody answered: {n}"), waiting.unanswered_alerts),
        (_("Concerns to resolve: {n}"), waiting.open_concerns),
        (_("Promises due or broken: {n}"), waiting.follow_ups),
        (_("Waiting for approval: {n}"), waiting.pending_approvals),
        (_("Promised and not paid: {n}"), waiting.promised_not_paid),
        (_("Given beyond the limit, to review: {n}"), waiting.to_review),
    )
    lines = [line.format(n=len(rows)) for line, rows in counts if rows]
    yield _("Needs you now:") if lines else _("Nothing waits for you.")
    yield from lines


def _signed_line(_: Translate, log: DailyLogReport) -> str:
    return _("The day is not signed yet.") if log.page.signed_at is None else _("The day is signed.")
