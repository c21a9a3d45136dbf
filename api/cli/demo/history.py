"""Sixty invented days of a store, told through the verbs of the models: nothing stands there that could not happen."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import select

from api.cli.demo import customers as guests
from api.cli.demo.companies import Person, StoreShift
from api.cli.demo.scenarios import SCENARIOS, STAKES, Scenario
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.concerns.concern import Concern
from models.concerns.enums import Channel, Handling, Kind, Outcome, Status
from models.concerns.event import ConcernEvent
from models.customers.contacts import normalize_contacts
from models.customers.customer import Customer
from models.db.base import Money
from models.db.session import ScopedSession
from models.errors import Invalid
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.vocabulary import Category, Cause, Question
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.approvals import approve, decline, record_action
from models.recovery.remedy import Remedy
from notifications.decide.announce import apply_to_alert

BUSIER_ON = (0.75, 0.75, 0.85, 0.95, 1.3, 1.5, 0.9)  # Monday to Sunday
MOODS = {Kind.CONCERN: (18, 37, 33, 12, 0), Kind.REQUEST: (2, 15, 50, 33, 0), Kind.PRAISE: (0, 0, 0, 25, 75)}
FAMILIAR_COMES = (41, 12)  # days before the end on which the customer of README's walk was at the first store
NOBODY_CAME = (0, 2, 5)  # days before the end on which, for certain, a call went unanswered
ENDS = (Outcome.RECOVERED, Outcome.LOST, Outcome.UNKNOWN)


def add_history(session: ScopedSession, post: StoreShift, *, days: int, until: datetime) -> None:
    """Tell the last so many whole business days of a store before `until`."""
    last = post.store.business_date(until) - timedelta(days=1)
    ends_at = post.store.day_bounds(last)[1]
    words = Words(session)
    for ago in range(days - 1, -1, -1):
        _Day(session, post, words, last - timedelta(days=ago), ago, ends_at).tell()


class Words:
    """The organization's vocabulary, by slug."""

    def __init__(self, session: ScopedSession) -> None:
        self.categories = {row.slug: row for row in session.scalars(select(Category))}
        self.causes = {row.slug: row for row in session.scalars(select(Cause))}
        self.remedies = {row.slug: row for row in session.scalars(select(Remedy))}
        about_everything = select(Question).where(Question.category_id.is_(None))
        self.questions = sorted(session.scalars(about_everything), key=lambda row: row.slug)


class _Day:
    """One business day of one store. Its dice are its own, so a date looks the same whenever it is told."""

    def __init__(
        self, session: ScopedSession, post: StoreShift, words: Words, day: date, ago: int, ends_at: datetime
    ) -> None:
        self.session, self.post, self.words, self.day, self.ago, self.ends_at = session, post, words, day, ago, ends_at
        self.dice = Random(f"{post.store.slug} {day}")  # noqa: S311 the same history every time
        self.decisions = Random(f"decisions of {post.store.slug} {day}")  # noqa: S311 as above
        self.country = post.store.country
        self.regulars = guests.regular_customers(self.country)
        self.stories = SCENARIOS[post.store.kind]
        self.forgot_somebody = False

    def tell(self) -> None:
        for told, moment in enumerate(self._moments()):
            story = self.dice.choices(self.stories, [story.weight for story in self.stories])[0]
            familiar = told == 0 and self.ago in FAMILIAR_COMES and self.post.store.slug == "harbour"
            guest = (
                guests.RETURNING_CUSTOMER
                if familiar
                else guests.random_customer(self.dice, self.regulars, self.country)
            )
            _ConcernHistory(self, story, guest, moment).run()
        self.session.flush()

    def _moments(self) -> list[datetime]:
        busy = self.post.shopfront.busy * BUSIER_ON[self.day.weekday()] * self.dice.uniform(0.7, 1.3)
        return sorted(self._moment() for _ in range(round(busy)))

    def _moment(self) -> datetime:
        opens, closes = self.dice.choice(self.post.shopfront.hours)
        zone = ZoneInfo(self.post.store.time_zone)
        start, end = (datetime.combine(self.day, at, tzinfo=zone).astimezone(UTC) for at in (opens, closes))
        return start + timedelta(seconds=self.dice.randrange(int((end - start).total_seconds())))


class _ConcernHistory:
    """The course of one concern: `now` moves on with each step, and never beyond the end of the history."""

    def __init__(self, day: _Day, story: Scenario, guest: dict[str, str] | None, moment: datetime) -> None:
        self.day, self.story, self.guest = day, story, guest
        self.session, self.dice, self.post = day.session, day.dice, day.post
        self.now = self.occurred_at = moment
        self.reporter = self.dice.choice([*self.post.floor, *self.post.floor, self.post.manager])

    def run(self) -> None:
        if self.dice.random() < 0.05:
            self.now = min(self.now + timedelta(minutes=self.dice.randrange(20, 600)), self.day.ends_at)
        concern = self._log()
        self._tell(concern)
        if concern.alert is not None and concern.alert.state is AlertState.OPEN:
            self._nobody_comes(concern.alert)
        elif concern.alert is not None:
            concern.alert.note_activity()  # whoever has it is not reminded of what is history

    def _tell(self, concern: Concern) -> None:
        if self.story.kind is Kind.PRAISE:
            self._did(concern.resolve(by=self.reporter.actor, outcome=Outcome.UNKNOWN, at=self.now))
            return
        if concern.status is Status.OPEN and not self._somebody_comes(concern):
            return
        self._put_right(concern)
        if self._passes(minutes=(3, 25)):
            self._resolve(concern)
            if self.dice.random() < 0.035 and self._passes(minutes=(10, 90)):
                self._once_more(concern)

    def _log(self) -> Concern:
        dice, words, story = self.dice, self.day.words, self.story
        customer = None
        if self.guest is not None:
            details = normalize_contacts(self.guest, self.post.store.country)
            known = Customer.find_by_contacts(self.session, details)
            customer = Customer.recognise(self.session, details, known=known, at=self.now, store_id=self.post.store.id)
        event = Concern.log(
            by=self.reporter.actor,
            reporter=self.reporter.staff,
            store=self.post.store,
            mood=dice.choices(range(1, 6), MOODS[story.kind])[0],
            at=self.now,
            occurred_at=self.occurred_at,
            kind=story.kind,
            handling=Handling.MINE if story.kind is Kind.PRAISE or dice.random() < 0.3 else Handling.HELP,
            channel=dice.choices(list(Channel), [88, 6, 4, 2])[0],
            category=words.categories[story.category],
            cause=words.causes[story.cause] if dice.random() < 0.85 else None,
            place=dice.choice(self.post.store.places) if dice.random() < 0.9 else None,
            question=dice.choice(words.questions) if dice.random() < 0.4 else None,
            customer=customer,
            their_words=dice.choice(story.words) if dice.random() < 0.8 else None,
            our_reading=story.reading if dice.random() < 0.5 else None,
            stake=dice.choice(STAKES) if dice.random() < 0.25 else None,
            wanted=dice.choice(story.wanted) if story.wanted and dice.random() < 0.55 else None,
            read_back=dice.random() < 0.5,
            times_told=dice.choice([1, 1, 1, 2, 2, 3]) if dice.random() < 0.5 else None,
            sensitive=story.sensitive,
            items=[{"item": self._item(dice.choice(story.items))}] if story.items else None,
            order=self._order() if dice.random() < 0.3 else None,
        )
        self.session.add(event.concern)
        self._did(event)
        return event.concern

    def _item(self, name: str) -> CatalogueItem:
        return CatalogueItem.find_or_create(self.session, [{"name": name}], at=self.now)[0]

    def _order(self) -> dict[str, object]:
        reference = f"T-{self.day.day:%m%d}-{self.dice.randrange(100, 1000)}"
        return {"reference": reference, "value": Money(self.dice.randrange(900, 14000, 50), self.post.store.currency)}

    def _somebody_comes(self, concern: Concern) -> bool:
        """Whether anybody takes it; sometimes after the call went unanswered, or at the second attempt."""
        alert = concern.alert
        if alert is not None and alert.state is AlertState.OPEN:
            forgotten = self.day.ago in NOBODY_CAME and not self.day.forgot_somebody
            if forgotten or self.dice.random() < 0.06:
                self._nobody_comes(alert)
                if forgotten or self.dice.random() < 0.4:
                    self.day.forgot_somebody = True
                    self._find_it_too_late(concern)
                    return False
        if not self._passes(minutes=(1, 9) if alert else (2, 20)):
            return False
        # What nobody had to be called for is left lying now and then, but not for days.
        if alert is None and self.day.ago < 3 and self.dice.random() < 0.12:
            return False
        who = self._colleague()
        self._did(concern.take(by=who.actor, at=self.now))
        if self.dice.random() < 0.03 and self._passes(minutes=(2, 6)):
            self._did(concern.release(by=who.actor, at=self.now))
            if not self._passes(minutes=(1, 5)):
                return False
            self._did(concern.take(by=self.post.manager.actor, at=self.now))
        return True

    def _nobody_comes(self, alert: Alert) -> None:
        """The call climbs to its end."""
        while alert.next_step_at is not None:
            self.now = alert.next_step_at
            alert.advance(at=self.now, has_receipt=True)

    def _find_it_too_late(self, concern: Concern) -> None:
        """The customer left unheard. Last week's are still on the list; of the older ones the manager knows the end."""
        if self.day.ago >= 7 and self._passes(minutes=(60, 180)):
            self._did(concern.resolve(by=self.post.manager.actor, outcome=Outcome.LOST, at=self.now))

    def _colleague(self) -> Person:
        return self.dice.choice([self.post.manager, self.reporter, *self.post.floor])

    def _put_right(self, concern: Concern) -> None:
        """What is done about it: one to three things, of which money is now and then taken back."""
        by = next(one for one in self._people() if one.staff.id == concern.taken_by_id)
        count = self.dice.choices([0, 1, 2, 3], [8, 45, 35, 12])[0]
        for slug, (least, most) in self.story.remedies[:count]:
            if not self._passes(minutes=(1, 6)):
                return
            cost = self.dice.randrange(least, most + 50, 50) if most else None
            try:
                action, event = self._give(concern, slug, cost, by=by)
            except Invalid:  # of this order nothing is left to be paid back
                continue
            self._did(event)
            if action.status is ActionStatus.PENDING:
                self._decide(action)
            if (
                most
                and action.status is ActionStatus.DONE
                and self.dice.random() < 0.04
                and self._passes(minutes=(1, 4))
            ):
                _, event = action.reverse(self.session, by=by.actor, note="Recorded at the wrong table", at=self.now)
                self._did(event)

    def _give(
        self, concern: Concern, slug: str, cost: int | None, *, by: Person
    ) -> tuple[RecoveryAction, ConcernEvent]:
        return record_action(
            self.session,
            concern,
            by=by.actor,
            remedy=self.day.words.remedies[slug],
            cost=None if cost is None else Money(cost, self.post.store.currency),
            at=self.now,
        )

    def _decide(self, action: RecoveryAction) -> None:
        """The manager mostly agrees."""
        self.session.flush()
        manager = self.post.manager.actor
        if self.day.decisions.random() < 0.7:
            self._did(approve(self.session, action, by=manager, at=self.now))
            return
        why = "A dessert and your time are worth more here"
        self._did(decline(action, by=manager, at=self.now, note=why))

    def _resolve(self, concern: Concern) -> None:
        slow = (concern.seconds_to_take or 0) > 8 * 60
        outcome = self.dice.choices(ENDS, [55, 27, 18] if slow else [76, 12, 12])[0]
        after = {
            Outcome.RECOVERED: self.dice.choice([concern.mood + 1, 4, 4, 5]),
            Outcome.LOST: self.dice.randrange(1, concern.mood + 1),
            Outcome.UNKNOWN: None,
        }[outcome]
        by = next(one for one in self._people() if one.staff.id == concern.taken_by_id)
        self._did(concern.resolve(by=by.actor, outcome=outcome, mood_after=after and min(after, 5), at=self.now))

    def _once_more(self, concern: Concern) -> None:
        """It was not over after all; the manager sees to it."""
        self._did(concern.reopen(by=self.reporter.actor, at=self.now))
        if self._passes(minutes=(1, 6)):
            self._did(concern.take(by=self.post.manager.actor, at=self.now))
            self._put_right(concern)
        if self._passes(minutes=(3, 15)):
            self._resolve(concern)

    def _people(self) -> Iterator[Person]:
        yield from (*self.post.floor, self.post.manager)

    def _passes(self, *, minutes: tuple[int, int]) -> bool:
        """Let some time go by; False, and the clock stays, when the history would end before."""
        later = self.now + timedelta(seconds=self.dice.randrange(minutes[0] * 60, minutes[1] * 60))
        if later >= self.day.ends_at:
            return False
        self.now = later
        return True

    def _did(self, event: ConcernEvent | None) -> None:
        """Bring the alert to where a step leads it, and ring nobody for it.

        A whole day is written at once, so whoever has a concern is not looked up but put there.
        """
        if event is not None:
            concern = event.concern
            concern.taken_by = next((one.staff for one in self._people() if one.staff.id == concern.taken_by_id), None)
            apply_to_alert(event, concern.alert)
