"""Demo history of a store, made with the operations of the models, so that only what can happen is in it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from sqlalchemy import select

from api.cli.demo import customers
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
from models.recovery.approvals import approve, decline, expire_pending, record_action
from models.recovery.remedy import Remedy
from notifications.decide.announce import apply_to_alert

BUSIER_ON = (0.75, 0.75, 0.85, 0.95, 1.3, 1.5, 0.9)  # Monday to Sunday
MOODS = {Kind.CONCERN: (18, 37, 33, 12, 0), Kind.REQUEST: (2, 15, 50, 33, 0), Kind.PRAISE: (0, 0, 0, 25, 75)}
RETURNING_CUSTOMER_DAYS = (41, 12)  # days before the end on which the README's customer was at the first store
UNANSWERED_DAYS = (0, 2, 5)  # days before the end on which at least one alert goes unanswered
OUTCOMES = (Outcome.RECOVERED, Outcome.LOST, Outcome.UNKNOWN)


def store_days(session: ScopedSession, shift: StoreShift, *, days: int, until: datetime) -> Iterator["StoreDayHistory"]:
    """Yield the last so many whole business days of a store before `until`, the oldest first, to be generated."""
    last = shift.store.business_date(until) - timedelta(days=1)
    ends_at = shift.store.day_bounds(last)[1]
    vocabulary = Vocabulary(session)
    for ago in range(days - 1, -1, -1):
        yield StoreDayHistory(session, shift, vocabulary, last - timedelta(days=ago), ago, ends_at)


class Vocabulary:
    """The organization's vocabulary, by slug."""

    def __init__(self, session: ScopedSession) -> None:
        self.categories = {row.slug: row for row in session.scalars(select(Category))}
        self.causes = {row.slug: row for row in session.scalars(select(Cause))}
        self.remedies = {row.slug: row for row in session.scalars(select(Remedy))}
        for_all_concerns = select(Question).where(Question.category_id.is_(None))
        self.questions = sorted(session.scalars(for_all_concerns), key=lambda row: row.slug)


class StoreDayHistory:
    """A business day of a store. It has its own random numbers, so that a date is the same whenever it is generated."""

    def __init__(
        self, session: ScopedSession, shift: StoreShift, vocabulary: Vocabulary, day: date, ago: int, ends_at: datetime
    ) -> None:
        self.session, self.shift, self.vocabulary = session, shift, vocabulary
        self.day, self.ago, self.ends_at = day, ago, ends_at
        self.rng = Random(f"{shift.store.slug} {day}")  # noqa: S311 - the same history every time
        self.decisions = Random(f"decisions of {shift.store.slug} {day}")  # noqa: S311 - as above
        self.country = shift.store.country
        self.regulars = customers.regular_customers(self.country)
        self.scenarios = SCENARIOS[shift.store.kind]
        self.has_unanswered = False

    def generate(self) -> None:
        for number, moment in enumerate(self._moments()):
            scenario = self.rng.choices(self.scenarios, [scenario.weight for scenario in self.scenarios])[0]
            is_returning = number == 0 and self.ago in RETURNING_CUSTOMER_DAYS and self.shift.store.slug == "harbour"
            customer = (
                customers.RETURNING_CUSTOMER
                if is_returning
                else customers.random_customer(self.rng, self.regulars, self.country)
            )
            _ConcernHistory(self, scenario, customer, moment).run()
        self.session.flush()

    def _moments(self) -> list[datetime]:
        busy = self.shift.template.busy * BUSIER_ON[self.day.weekday()] * self.rng.uniform(0.7, 1.3)
        return sorted(self._moment() for _ in range(round(busy)))

    def _moment(self) -> datetime:
        opens, closes = self.rng.choice(self.shift.template.hours)
        zone = self.shift.store.zone_on(self.day)
        start, end = (datetime.combine(self.day, at, tzinfo=zone).astimezone(UTC) for at in (opens, closes))
        return start + timedelta(seconds=self.rng.randrange(int((end - start).total_seconds())))


class _ConcernHistory:
    """The course of a concern: `now` advances with each step, and never beyond the end of the history."""

    def __init__(
        self, day: StoreDayHistory, scenario: Scenario, customer: dict[str, str] | None, moment: datetime
    ) -> None:
        self.day, self.scenario, self.customer = day, scenario, customer
        self.session, self.rng, self.shift = day.session, day.rng, day.shift
        self.now = self.occurred_at = moment
        self.reporter = self.rng.choice([*self.shift.floor, *self.shift.floor, self.shift.manager])

    def run(self) -> None:
        if self.rng.random() < 0.05:
            self.now = min(self.now + timedelta(minutes=self.rng.randrange(20, 600)), self.day.ends_at)
        concern = self._log()
        self._advance(concern)
        if concern.alert is not None and concern.alert.state is AlertState.OPEN:
            self._goes_unanswered(concern.alert)
        elif concern.alert is not None:
            concern.alert.note_activity()  # nobody is reminded of a concern of the past

    def _advance(self, concern: Concern) -> None:
        if self.scenario.kind is Kind.PRAISE:
            return
        if concern.status is Status.OPEN and not self._is_taken(concern):
            return
        self._act(concern)
        if self._let_pass(minutes=(3, 25)):
            self._resolve(concern)
            if self.rng.random() < 0.035 and self._let_pass(minutes=(10, 90)):
                self._reopen(concern)

    def _log(self) -> Concern:
        rng, vocabulary, scenario = self.rng, self.day.vocabulary, self.scenario
        customer = None
        if self.customer is not None:
            details = normalize_contacts(self.customer, self.shift.store.country)
            known = Customer.find_by_contacts(self.session, details)
            customer = Customer.recognise(self.session, details, known=known, at=self.now, store_id=self.shift.store.id)
        event = Concern.log(
            by=self.reporter.actor,
            reporter=self.reporter.staff,
            store=self.shift.store,
            mood=rng.choices(range(1, 6), MOODS[scenario.kind])[0],
            at=self.now,
            occurred_at=self.occurred_at,
            kind=scenario.kind,
            handling=Handling.MINE if scenario.kind is Kind.PRAISE or rng.random() < 0.3 else Handling.HELP,
            channel=rng.choices(list(Channel), [88, 6, 4, 2, 0])[0],
            category=vocabulary.categories[scenario.category],
            cause=vocabulary.causes[scenario.cause] if rng.random() < 0.85 else None,
            place=rng.choice(self.shift.store.places) if rng.random() < 0.9 else None,
            question=rng.choice(vocabulary.questions) if rng.random() < 0.4 else None,
            customer=customer,
            their_words=rng.choice(scenario.words) if rng.random() < 0.8 else None,
            our_reading=scenario.reading if rng.random() < 0.5 else None,
            stake=rng.choice(STAKES) if rng.random() < 0.25 else None,
            wanted=rng.choice(scenario.wanted) if scenario.wanted and rng.random() < 0.55 else None,
            read_back=rng.random() < 0.5,
            times_told=rng.choice([1, 1, 1, 2, 2, 3]) if rng.random() < 0.5 else None,
            sensitive=scenario.sensitive,
            items=[{"item": self._item(rng.choice(scenario.items))}] if scenario.items else None,
            order=self._order() if rng.random() < 0.3 else None,
        )
        self.session.add(event.concern)
        self._apply(event)
        return event.concern

    def _item(self, name: str) -> CatalogueItem | None:
        return CatalogueItem.find_or_create(self.session, [{"name": name}], at=self.now)[0]

    def _order(self) -> dict[str, object]:
        reference = f"T-{self.day.day:%m%d}-{self.rng.randrange(100, 1000)}"
        return {"reference": reference, "value": Money(self.rng.randrange(900, 14000, 50), self.shift.store.currency)}

    def _is_taken(self, concern: Concern) -> bool:
        """Let somebody take the concern, sometimes after an unanswered alert. Return False if nobody does."""
        alert = concern.alert
        if alert is not None and alert.state is AlertState.OPEN:
            is_forgotten = self.day.ago in UNANSWERED_DAYS and not self.day.has_unanswered
            if is_forgotten or self.rng.random() < 0.06:
                self._goes_unanswered(alert)
                if is_forgotten or self.rng.random() < 0.4:
                    self.day.has_unanswered = True
                    self._resolve_as_lost(concern)
                    return False
        if not self._let_pass(minutes=(1, 9) if alert else (2, 20)):
            return False
        # A recent concern without an alert is sometimes not taken at all.
        if alert is None and self.day.ago < 3 and self.rng.random() < 0.12:
            return False
        who = self._random_colleague()
        self._apply(concern.take(by=who.actor, at=self.now))
        if self.rng.random() < 0.03 and self._let_pass(minutes=(2, 6)):
            self._apply(concern.release(by=who.actor, at=self.now))
            if not self._let_pass(minutes=(1, 5)):
                return False
            self._apply(concern.take(by=self.shift.manager.actor, at=self.now))
        return True

    def _goes_unanswered(self, alert: Alert) -> None:
        """Escalate the alert through all its steps."""
        while alert.next_step_at is not None:
            self.now = alert.next_step_at
            alert.advance(at=self.now, has_receipt=True)

    def _resolve_as_lost(self, concern: Concern) -> None:
        """Resolve as lost what nobody answered, but leave that of the last week open, for the lists."""
        if self.day.ago >= 7 and self._let_pass(minutes=(60, 180)):
            self._apply(concern.resolve(by=self.shift.manager.actor, outcome=Outcome.LOST, at=self.now))

    def _random_colleague(self) -> Person:
        return self.rng.choice([self.shift.manager, self.reporter, *self.shift.floor])

    def _act(self, concern: Concern) -> None:
        """Record up to three recovery actions; one that costs money is sometimes reversed."""
        by = next(person for person in self._people() if person.staff.id == concern.taken_by_id)
        count = self.rng.choices([0, 1, 2, 3], [8, 45, 35, 12])[0]
        for slug, (least, most) in self.scenario.remedies[:count]:
            if not self._let_pass(minutes=(1, 6)):
                return
            cost = self.rng.randrange(least, most + 50, 50) if most else None
            try:
                action, event = self._give(concern, slug, cost, by=by)
            except Invalid:  # more than what is left of the order cannot be refunded
                continue
            self._apply(event)
            if action.status is ActionStatus.PENDING:
                self._decide(action)
            if (
                most
                and action.status is ActionStatus.DONE
                and self.rng.random() < 0.04
                and self._let_pass(minutes=(1, 4))
            ):
                _, event = action.reverse(self.session, by=by.actor, note="Recorded at the wrong table", at=self.now)
                self._apply(event)

    def _give(
        self, concern: Concern, slug: str, cost: int | None, *, by: Person
    ) -> tuple[RecoveryAction, ConcernEvent]:
        return record_action(
            self.session,
            concern,
            by=by.actor,
            remedy=self.day.vocabulary.remedies[slug],
            cost=None if cost is None else Money(cost, self.shift.store.currency),
            at=self.now,
        )

    def _decide(self, action: RecoveryAction) -> None:
        """Let the manager decide, mostly to approve. Nobody decides in time what the manager asks for."""
        self.session.flush()
        manager = self.shift.manager.actor
        if action.acted_by_id == manager.staff_id:
            self._let_pass(minutes=(16, 20))
            for event in expire_pending(self.session, action.concern, at=max(self.now, action.expires_at or self.now)):
                self._apply(event)
            return
        if self.day.decisions.random() < 0.7:
            for event in approve(self.session, action, by=manager, at=self.now):
                self._apply(event)
            return
        why = "A dessert and your time are worth more here"
        self._apply(decline(self.session, action, by=manager, at=self.now, note=why))

    def _resolve(self, concern: Concern) -> None:
        slow = (concern.seconds_to_take or 0) > 8 * 60
        outcome = self.rng.choices(OUTCOMES, [55, 27, 18] if slow else [76, 12, 12])[0]
        after = {
            Outcome.RECOVERED: self.rng.choice([concern.mood + 1, 4, 4, 5]),
            Outcome.LOST: self.rng.randrange(1, concern.mood + 1),
            Outcome.UNKNOWN: None,
        }[outcome]
        by = next(person for person in self._people() if person.staff.id == concern.taken_by_id)
        self._apply(concern.resolve(by=by.actor, outcome=outcome, mood_after=after and min(after, 5), at=self.now))

    def _reopen(self, concern: Concern) -> None:
        """Reopen the concern; the manager takes it."""
        self._apply(concern.reopen(by=self.reporter.actor, at=self.now))
        if self._let_pass(minutes=(1, 6)):
            self._apply(concern.take(by=self.shift.manager.actor, at=self.now))
            self._act(concern)
        if self._let_pass(minutes=(3, 15)):
            self._resolve(concern)

    def _people(self) -> Iterator[Person]:
        yield from (*self.shift.floor, self.shift.manager)

    def _let_pass(self, *, minutes: tuple[int, int]) -> bool:
        """Advance the clock by some time. Return False and leave it when that would be after the end of the history."""
        later = self.now + timedelta(seconds=self.rng.randrange(minutes[0] * 60, minutes[1] * 60))
        if later >= self.day.ends_at:
            return False
        self.now = later
        return True

    def _apply(self, event: ConcernEvent | None) -> None:
        """Apply an event to the alert without ringing anybody.

        A whole day is flushed at once, so that `taken_by` is assigned here instead of loaded.
        """
        if event is not None:
            concern = event.concern
            concern.taken_by = next(
                (person.staff for person in self._people() if person.staff.id == concern.taken_by_id), None
            )
            apply_to_alert(event, concern.alert)
