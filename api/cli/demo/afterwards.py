"""After a concern of the demo has ended: what was promised, what the customer says, and whether the money was paid."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from api.cli.demo.simulation import Course, EndOfHistory
from models.concerns.concern import Concern
from models.concerns.enums import Outcome, Status
from models.recovery.action import RecoveryAction, Settlement
from models.recovery.approvals import record_action
from models.recovery.feedback_request import FeedbackRequest, Origin
from models.recovery.follow_up import FollowUp, FollowUpKind, FollowUpStatus
from models.recovery.follow_up_owner import FollowUpOwner
from models.recovery.settlements import settle
from notifications.decide.follow_ups import set_timers

if TYPE_CHECKING:
    from api.cli.demo.concern_course import ConcernCourse

PROMISES = (
    (FollowUpKind.CALL, "We call to hear whether it is well now."),
    (FollowUpKind.CALL, "We call as soon as we know more."),
    (FollowUpKind.MESSAGE, "We write when it has arrived."),
    (FollowUpKind.REPLACEMENT, "A new one is put aside at the desk."),
)
WORDS = {
    1: "Nobody ever called me back.",
    2: "It took far too long.",
    3: "In the end it was all right.",
    4: "They listened, thank you.",
    5: "I have never seen anybody care like that!",
}
PROMISED_FOR_TODAY_DAYS = 2  # before the end: of these days, one promise of each store is due today
DUE_TODAY_WITHIN = timedelta(hours=2)  # of the time of seeding


def follow(course: "ConcernCourse", concern: Concern) -> Course:
    """Promise something to some customers, and ask some how it was."""
    if concern.status is not Status.RESOLVED:
        return
    is_due_today = course.day.ago <= PROMISED_FOR_TODAY_DAYS and not course.history.owes_today
    if is_due_today or course.decks.promised.draw() == "yes":
        course.history.owes_today |= is_due_today
        yield from course.wait(minutes=(1, 3))
        promise = _promise(course, concern, at=course.now, is_due_today=is_due_today)
        course.history.simulation.start(course.now, promise)
    if course.decks.asked.draw() == "yes":
        yield from course.wait(minutes=(2, 20))
        yield from _ask(course, concern)


def pay(course: "ConcernCourse", action: RecoveryAction) -> Course:
    """Let the till say in the next hours that the money was paid, or could not be. Now and then nobody pays it."""
    payment, till = course.decks.payments.draw(), course.day.shift.till
    if payment == "forgotten":
        return
    moment = course.now + timedelta(hours=course.rng.randrange(1, 14))
    yield moment
    if payment.startswith("failed"):
        settle(course.session, action, to=Settlement.FAILED, by=till, at=moment)
        if payment == "failed":
            return
        moment += timedelta(hours=course.rng.randrange(20, 60))
        yield moment
    settle(course.session, action, to=Settlement.SETTLED, by=till, at=moment, reference=f"R-{action.id.hex[-10:]}")


def take_money_back(course: "ConcernCourse", action: RecoveryAction) -> Course:
    """Take back a refund that was paid at the wrong table; a while later the money is in the till again."""
    session, till = course.session, course.day.shift.till
    yield from course.wait(minutes=(1, 3))
    settle(session, action, to=Settlement.SETTLED, by=till, at=course.now, reference=f"R-{action.id.hex[-10:]}")
    yield from course.wait(minutes=(1, 3))
    by = course.taker_of(action.concern).actor
    entry, event = action.reverse(session, by=by, note="Paid at the wrong table", at=course.now)
    course.apply(event)
    course.history.simulation.start(course.now + timedelta(minutes=40), _have_money_back(course, entry))


def _have_money_back(course: "ConcernCourse", entry: RecoveryAction) -> Course:
    course.session.flush()
    at = entry.recorded_at + timedelta(minutes=40)
    settle(course.session, entry, to=Settlement.SETTLED, by=course.day.shift.till, at=at)
    yield from ()


def _promise(course: "ConcernCourse", concern: Concern, *, at: datetime, is_due_today: bool) -> Course:
    """Promise something, which is kept, kept late, broken, not wanted any more, or due today."""
    kind, what = course.rng.choice(PROMISES)
    by, fate = course.taker_of(concern).actor, course.decks.promises.draw()
    due_at = at + timedelta(hours=course.rng.randrange(3, 72))
    if is_due_today:
        fate, due_at = FollowUpStatus.OPEN, _later_today(course)
    owner = FollowUpOwner.resolve(course.session, None, by=by, pointer="/owner_id", at=at)
    fields = {"kind": kind, "what": what, "due_at": due_at}
    follow_up, _ = FollowUp.create_for_owner(course.session, concern, owner, by=by, at=at, **fields)
    with suppress(EndOfHistory):
        if fate in (FollowUpStatus.KEPT, FollowUpStatus.CANCELLED):
            in_time = at + (due_at - at) * course.rng.uniform(0.3, 0.9)
            yield in_time
            if fate is FollowUpStatus.KEPT:
                follow_up.keep(by=by, at=in_time)
            else:
                follow_up.cancel(by=by, at=in_time, note="They do not want to be called any more")
            return
        yield due_at
        follow_up.mark_broken(at=due_at)
        if fate is None:
            too_late = due_at + timedelta(hours=course.rng.randrange(1, 20))
            yield too_late
            follow_up.keep(by=by, at=too_late, note="Late, with an apology")
    _leave_to_worker(course, follow_up)


def _later_today(course: "ConcernCourse") -> datetime:
    """Return a moment that is soon, and still of the business day on which the demo is seeded."""
    seeded_at, store = course.history.seeded_at, course.store
    _, day_end = store.day_bounds(store.business_date(seeded_at))
    return min(seeded_at + DUE_TODAY_WITHIN, seeded_at + (day_end - seeded_at) / 2)


def _leave_to_worker(course: "ConcernCourse", follow_up: FollowUp) -> None:
    """Break what was due by the time of seeding; the worker goes on with what is due later."""
    if follow_up.status is not FollowUpStatus.OPEN:
        return
    if follow_up.due_at <= course.history.seeded_at:
        follow_up.mark_broken(at=follow_up.due_at)
    else:
        course.session.add_all(set_timers(follow_up, at=course.history.seeded_at))


def _ask(course: "ConcernCourse", concern: Concern) -> Course:
    """Show the customer the link. Some answer; a low rating opens the concern again, and the manager calls them."""
    if not course.history.book.may_be_asked(concern, at=course.now):
        return
    asked_from, by = Origin(None, None, f"phone of {course.store.slug}"), course.taker_of(concern).actor
    request, _ = FeedbackRequest.create(course.session, concern, id_=uuid7(), by=by, at=course.now, origin=asked_from)
    answer = course.decks.answers.draw()
    if answer == "none":
        return
    if answer == "suspect":
        course.now += timedelta(seconds=20)
        yield course.now
    else:
        yield from course.wait(minutes=course.rng.choice([(20, 180), (1200, 1500)]))
    rating = course.decks.ratings.draw()
    event = request.answer(
        rating=rating,
        recommend=course.decks.recommends.draw(),
        words=WORDS[rating] if course.rng.random() < 0.4 else None,
        at=course.now,
        origin=asked_from if answer == "suspect" else Origin(None, None, "phone of a guest"),
    )
    course.apply(event)
    if concern.status is Status.OPEN:
        yield from _call_back(course, concern)


def _call_back(course: "ConcernCourse", concern: Concern) -> Course:
    """Let the manager call a customer who says that it was not right after all."""
    yield from course.wait(minutes=(1, 12))
    manager = course.manager.actor
    course.apply(concern.take(by=manager, at=course.now))
    yield from course.wait(minutes=(2, 9))
    apology = course.history.vocabulary.remedies["apology"]
    note = "Called them, and listened"
    _, event = record_action(course.session, concern, by=manager, remedy=apology, note=note, at=course.now)
    course.apply(event)
    yield from course.wait(minutes=(1, 9))
    course.apply(concern.resolve(by=manager, outcome=Outcome.RECOVERED, mood_after=4, at=course.now))
