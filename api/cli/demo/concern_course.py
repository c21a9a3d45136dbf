"""Course of a concern of the demo: it is logged, somebody comes, something is done, and it ends."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from api.cli.demo import afterwards, customers
from api.cli.demo.companies import Person
from api.cli.demo.scenarios import STAKES
from api.cli.demo.simulation import Course, EndOfHistory
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationState, ReceiptEvent
from models.concerns.concern import Concern
from models.concerns.enums import Channel, Handling, Kind, Outcome, Status
from models.concerns.event import ConcernEvent
from models.concerns.previous import NO_PAST
from models.db.base import Money
from models.errors import Invalid
from models.operations.log_concern import update_concern
from models.operations.tell_order import tell_order
from models.operations.void_concern import void_concern
from models.policy_defaults import PUSH_TTL
from models.recovery.action import ActionStatus, RecoveryAction, Settlement
from models.recovery.approvals import approve, decline, expire_pending, record_action
from notifications.decide.announce import apply_to_alert

if TYPE_CHECKING:
    from api.cli.demo.history import StoreDayHistory

MOODS = {Kind.CONCERN: (18, 37, 33, 12, 0), Kind.REQUEST: (2, 15, 50, 33, 0), Kind.PRAISE: (0, 0, 0, 25, 75)}
UNANSWERED_DAYS = (0, 2, 5)  # days before the end on which at least one alert goes unanswered
OUTCOMES = (Outcome.RECOVERED, Outcome.LOST, Outcome.UNKNOWN)
OPEN_FOR_LISTS = 7  # what nobody answered within so many days before the end is still open


class ConcernCourse:
    """The course of a concern. `now` is the moment of its present step."""

    def __init__(self, day: "StoreDayHistory", number: int, moment: datetime) -> None:
        self.day = day
        self.history, self.session, self.store = day.history, day.session, day.store
        self.decks, self.manager = day.history.decks, day.shift.manager
        self.rng = Random(f"{day.store.slug} {day.day} {number}")  # noqa: S311 - the same history every time
        self.now = self.occurred_at = moment
        self.is_of_returning_customer = (
            number == 0
            and day.ago in customers.RETURNING_CUSTOMER_DAYS
            and day.store.slug == customers.RETURNING_CUSTOMER_STORE
        )
        scenarios = day.history.scenarios
        if self.is_of_returning_customer:  # of whom the floor reads the history
            scenarios = [scenario for scenario in scenarios if scenario.kind is Kind.CONCERN and not scenario.sensitive]
        self.scenario = self.rng.choices(scenarios, [scenario.weight for scenario in scenarios])[0]
        self.reporter = self.rng.choice([*day.shift.floor, *day.shift.floor, self.manager])
        self.is_mistaken_praise = False

    def run(self) -> Course:
        """Log the concern and put it right. At the end, nobody is called or reminded any more."""
        if self.rng.random() < 0.05:
            yield from self.wait(minutes=(20, 300))
        concern = self._log()
        with suppress(EndOfHistory):
            yield from self._go_on(concern)
        if concern.alert is not None and concern.alert.state is AlertState.OPEN:
            self._go_unanswered(concern.alert)
        elif concern.alert is not None:
            concern.alert.note_activity()

    def wait(self, *, minutes: tuple[int, int]) -> Course:
        """Let some time pass."""
        self.now += timedelta(seconds=self.rng.randrange(minutes[0] * 60, minutes[1] * 60))
        yield self.now

    def apply(self, event: ConcernEvent | None) -> None:
        """Apply an event to the alert, and ring the manager without sending anything.

        A whole day is flushed at once, so that `taken_by` is assigned here instead of loaded.
        """
        if event is None:
            return
        concern = event.concern
        taker = self.history.person(concern.taken_by_id)
        concern.taken_by = taker.staff if taker else None
        run_before = concern.alert.run_id if concern.alert else None
        apply_to_alert(event, concern.alert)
        if concern.alert is not None and concern.alert.is_ringing and concern.alert.run_id != run_before:
            self._ring(concern.alert)

    def taker_of(self, concern: Concern) -> Person:
        return self.history.person(concern.taken_by_id) or self.manager

    def act(self, concern: Concern) -> Course:
        """Record up to three recovery actions; one that costs money is sometimes reversed."""
        by = self.taker_of(concern)
        count = self.rng.choices([0, 1, 2, 3], [8, 45, 35, 12])[0]
        for slug, (least, most) in self.scenario.remedies[:count]:
            if most and self.is_of_returning_customer:
                continue  # so that what the tutorial gives them is never something on a third day
            yield from self.wait(minutes=(1, 6))
            cost = self.rng.randrange(least, most + 50, 50) if most else None
            try:
                action = self._give(concern, slug, cost, by=by)
            except Invalid:  # more than what is left of the order cannot be refunded
                continue
            if action.status is ActionStatus.PENDING:
                yield from self._decide(action)
            if action.status is ActionStatus.DONE and action.settlement is Settlement.RECORDED:
                if self.decks.refunds.draw() == "taken_back":
                    yield from afterwards.take_money_back(self, action)
                else:
                    self.history.simulation.start(self.now, afterwards.pay(self, action))
            elif most and action.status is ActionStatus.DONE and self.rng.random() < 0.04:
                yield from self.wait(minutes=(1, 4))
                _, event = action.reverse(self.session, by=by.actor, note="Recorded at the wrong table", at=self.now)
                self.apply(event)

    def resolve(self, concern: Concern) -> None:
        """Record how it ended: the longer they waited, the less often well."""
        slow = (concern.seconds_to_take or 0) > 8 * 60
        outcome = self.rng.choices(OUTCOMES, [55, 27, 18] if slow else [76, 12, 12])[0]
        after = {
            Outcome.RECOVERED: self.rng.choice([concern.mood + 1, 4, 4, 5]),
            Outcome.LOST: self.rng.randrange(1, concern.mood + 1),
            Outcome.UNKNOWN: None,
        }[outcome]
        by = self.taker_of(concern).actor
        self.apply(concern.resolve(by=by, outcome=outcome, mood_after=after and min(after, 5), at=self.now))

    def _go_on(self, concern: Concern) -> Course:
        if self.is_mistaken_praise:
            yield from self._correct_kind(concern)
        if concern.kind is Kind.PRAISE:
            return
        if self._may_be_void(concern) and self.decks.voided.draw() == "yes":
            yield from self._void(concern)
            return
        if concern.status is Status.OPEN:
            yield from self._be_taken(concern)
        if concern.status is not Status.TAKEN:
            return
        if concern.unhappy and self.decks.corrected_up.draw() == "yes":
            yield from self.wait(minutes=(1, 3))
            by = self.taker_of(concern).actor
            self.session.flush()
            self.apply(update_concern(self.session, concern, {"mood": concern.mood + 2}, by=by, at=self.now))
        if concern.handling is Handling.MINE and concern.unhappy and self.decks.quick.draw() == "yes":
            self.now += timedelta(seconds=self.rng.randrange(40, 110))
            yield self.now
        else:
            yield from self.act(concern)
            yield from self.wait(minutes=(3, 25))
        self.resolve(concern)
        if self.rng.random() < 0.035:
            yield from self.wait(minutes=(10, 90))
            yield from self._reopen(concern)
        yield from afterwards.follow(self, concern)

    # ------------------------------------------------------------------------------------------ what is logged

    def _log(self) -> Concern:
        event = Concern.log(
            by=self.reporter.actor,
            reporter=self.reporter.staff,
            store=self.store,
            at=self.now,
            occurred_at=self.occurred_at,
            **self._description(),
        )
        self.session.add(event.concern)
        self.session.set_organization(event.concern)  # else the first flush does, which may come after the first link
        self.history.book.add(event.concern)
        self.apply(event)
        return event.concern

    def _description(self) -> dict[str, Any]:
        rng, vocabulary, scenario = self.rng, self.history.vocabulary, self.scenario
        kind, is_praise = scenario.kind, scenario.kind is Kind.PRAISE
        mood = rng.choices(range(1, 6), MOODS[kind])[0]
        if is_praise and self.decks.praise_as_concern.draw() == "yes":
            # The face was tapped at the wrong end, and nobody said that it is praise.
            self.is_mistaken_praise, kind, mood = True, Kind.CONCERN, 1
        customer = self._customer()
        past = self.history.book.past(customer, self.store)
        return {
            "mood": mood,
            "kind": kind,
            "handling": Handling.MINE if kind is Kind.PRAISE or rng.random() < 0.3 else Handling.HELP,
            "channel": rng.choices(list(Channel), [88, 6, 4, 2, 0])[0],
            "category": vocabulary.categories[scenario.category],
            "cause": vocabulary.causes[scenario.cause] if rng.random() < 0.85 else None,
            "place": rng.choice(self.store.places) if rng.random() < 0.9 else None,
            "question": rng.choice(vocabulary.questions) if rng.random() < 0.4 and not is_praise else None,
            "customer": customer,
            "past": past,
            "customer_confirmed": customer is not None and past == NO_PAST,
            "praised": rng.choice(self.day.shift.floor).staff if kind is Kind.PRAISE else None,
            "their_words": rng.choice(scenario.words) if rng.random() < 0.8 else None,
            "our_reading": scenario.reading if rng.random() < 0.5 else None,
            "stake": rng.choice(STAKES) if rng.random() < 0.25 and not is_praise else None,
            "wanted": rng.choice(scenario.wanted) if scenario.wanted and rng.random() < 0.55 else None,
            "read_back": rng.random() < 0.5,
            "times_told": rng.choice([1, 1, 1, 2, 2, 3]) if rng.random() < 0.5 else None,
            "sensitive": scenario.sensitive,
            "items": self._items() if scenario.items else None,
            "order": self._order() if rng.random() < 0.3 else None,
        }

    def _customer(self) -> Any:
        """Return who it is, if that is known. Whoever is met for the first time is asked whether to be contacted."""
        details = (
            customers.RETURNING_CUSTOMER
            if self.is_of_returning_customer
            else customers.random_customer(self.rng, self.history.regulars, self.store.country)
        )
        if details is None:
            return None
        customer = self.history.book.meet(details, self.store, at=self.now)
        if customer.consent is None:
            agrees = self.decks.consents.draw() == "yes"
            self.history.book.agree(customer, contact=agrees, by=self.reporter.actor, at=self.now)
        return customer

    def _items(self) -> list[dict[str, Any]]:
        name = self.rng.choice(self.scenario.items)
        return [{"item": self.history.vocabulary.item(name, sensitive=self.scenario.sensitive, at=self.now)}]

    def _order(self) -> dict[str, Any]:
        """Return the order, whose value the till has told in some cases, and somebody typed in the others."""
        reference = f"T-{self.day.day:%m%d}-{self.rng.randrange(100, 1000)}"
        value = Money(self.rng.randrange(900, 14000, 50), self.store.currency)
        if self.decks.till.draw() == "typed":
            return {"reference": reference, "value": value}
        till = self.day.shift.till
        opened = {"store_id": self.store.id, "opened": self.occurred_at - timedelta(minutes=40), "value": value}
        tell_order(self.session, f"till of {self.store.slug}", reference, opened, by=till, at=self.now)
        return {"reference": reference}

    # ------------------------------------------------------------------------------------------ what was a mistake

    def _may_be_void(self, concern: Concern) -> bool:
        """Return whether the store may take it back among itself, and nobody has come yet."""
        return concern.unhappy and concern.status is Status.OPEN and not concern.sensitive and not concern.urgent

    def _void(self, concern: Concern) -> Course:
        """Take back what was logged twice."""
        yield from self.wait(minutes=(1, 5))
        self.session.flush()
        reason = "Logged twice: a colleague was at the same table"
        for event in void_concern(self.session, concern, reason=reason, by=self.manager.actor, at=self.now):
            self.apply(event)
        self.history.book.remove(concern)

    def _correct_kind(self, concern: Concern) -> Course:
        """Correct praise that was logged as a concern."""
        yield from self.wait(minutes=(1, 5))
        self.session.flush()
        self.apply(update_concern(self.session, concern, {"kind": Kind.PRAISE}, by=self.manager.actor, at=self.now))

    # ------------------------------------------------------------------------------------------ who comes

    def _be_taken(self, concern: Concern) -> Course:
        """Let somebody take the concern, sometimes after an unanswered alert, and sometimes nobody at all."""
        alert = concern.alert
        if alert is not None and alert.state is AlertState.OPEN:
            is_forgotten = self.day.ago in UNANSWERED_DAYS and not self.day.has_unanswered
            if is_forgotten or self.rng.random() < 0.06:
                yield from self._pass_unanswered(alert)
                if is_forgotten or self.rng.random() < 0.4:
                    self.day.has_unanswered = True
                    yield from self._resolve_as_lost(concern)
                    return
        yield from self.wait(minutes=(1, 9) if alert else (2, 20))
        # A recent concern without an alert is sometimes not taken at all.
        if alert is None and self.day.ago < 3 and self.rng.random() < 0.12:
            return
        who = self.rng.choice([self.manager, self.reporter, *self.day.shift.floor])
        self.apply(concern.take(by=who.actor, at=self.now))
        if self.rng.random() < 0.03:
            yield from self.wait(minutes=(2, 6))
            self.apply(concern.release(by=who.actor, at=self.now))
            yield from self.wait(minutes=(1, 5))
            self.apply(concern.take(by=self.manager.actor, at=self.now))

    def _ring(self, alert: Alert) -> None:
        """Ring the manager, who leads the shift and has a phone, unless they logged it themselves."""
        phone, sent_at = self.day.shift.phone, self.now + timedelta(seconds=1)
        if phone is None or self.reporter is self.manager:
            return
        alert.record_step(1, step=alert.absolute_step, at=sent_at)
        notification = Notification.to_phone(
            phone,
            [self.manager.staff],
            alert_id=alert.id,
            concern_id=alert.concern.id,
            announcement_id=alert.run_id,
            run_id=alert.run_id,
            step=alert.absolute_step,
            queued_at=sent_at,
            expires_at=sent_at + PUSH_TTL,
        )
        self.session.add(notification)
        fate = self.decks.rings.draw()
        if fate == "failed":
            notification.fail(NotificationState.FAILED, "unavailable")
            return
        notification.accept(provider_id=None, at=sent_at + timedelta(seconds=1))
        shown_at = sent_at + timedelta(seconds=self.rng.randrange(3, 40))
        notification.record(ReceiptEvent.SHOWN, at=shown_at)
        if fate == "opened":
            notification.record(ReceiptEvent.OPENED, at=shown_at + timedelta(seconds=self.rng.randrange(4, 50)))

    def _pass_unanswered(self, alert: Alert) -> Course:
        """Wait until the alert has gone through all its steps."""
        for moment in self._steps(alert):
            self.now = moment
        yield self.now

    def _go_unanswered(self, alert: Alert) -> None:
        for _ in self._steps(alert):
            pass

    def _steps(self, alert: Alert) -> Iterator[datetime]:
        """Take all steps of an alert, and yield the moment of each."""
        while alert.next_step_at is not None:
            moment = alert.next_step_at
            alert.advance(at=moment, has_receipt=True)
            yield moment

    def _resolve_as_lost(self, concern: Concern) -> Course:
        """Resolve as lost what nobody answered, but leave that of the last week open, for the lists."""
        if self.day.ago >= OPEN_FOR_LISTS:
            yield from self.wait(minutes=(60, 180))
            self.apply(concern.resolve(by=self.manager.actor, outcome=Outcome.LOST, at=self.now))

    # ------------------------------------------------------------------------------------------ what is done

    def _give(self, concern: Concern, slug: str, cost: int | None, *, by: Person) -> RecoveryAction:
        action, event = record_action(
            self.session,
            concern,
            by=by.actor,
            remedy=self.history.vocabulary.remedies[slug],
            cost=None if cost is None else Money(cost, self.store.currency),
            at=self.now,
        )
        self.apply(event)
        return action

    def _decide(self, action: RecoveryAction) -> Course:
        """Let the manager decide, mostly to approve. Nobody decides in time what the manager asks for."""
        self.session.flush()
        manager, decision = self.manager.actor, self.decks.decisions.draw()
        if action.acted_by_id == manager.staff_id or decision == "nobody":
            self.now = max(self.now, action.expires_at or self.now)
            yield self.now
            for event in expire_pending(self.session, action.concern, at=self.now):
                self.apply(event)
            return
        yield from self.wait(minutes=(1, 4))
        if decision == "approved":
            for event in approve(self.session, action, by=manager, at=self.now):
                self.apply(event)
            return
        why = "A dessert and your time are worth more here"
        self.apply(decline(self.session, action, by=manager, at=self.now, note=why))

    def _reopen(self, concern: Concern) -> Course:
        """Reopen the concern; the manager takes it."""
        self.apply(concern.reopen(by=self.reporter.actor, at=self.now))
        yield from self.wait(minutes=(1, 6))
        self.apply(concern.take(by=self.manager.actor, at=self.now))
        yield from self.act(concern)
        yield from self.wait(minutes=(3, 15))
        self.resolve(concern)
