"""Demo history of a store: its days, made with the operations of the models, so that only what can happen is in it."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from api.cli.demo import customers
from api.cli.demo.companies import Person, StoreShift
from api.cli.demo.concern_course import ConcernCourse
from api.cli.demo.customers import CustomerBook
from api.cli.demo.fixes import FIXES, fix_cause
from api.cli.demo.scenarios import SCENARIOS
from api.cli.demo.simulation import Course, Deck, Simulation
from models.concerns.check import WellbeingCheck
from models.daily_log.daily_log import TOMORROW_HEADING, DailyLog
from models.db.base import Money
from models.db.session import ScopedSession
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.store import StoreKind
from models.organizations.store_day import StoreDay
from models.organizations.vocabulary import Category, Cause, Question
from models.recovery.follow_up import FollowUpStatus
from models.recovery.remedy import Remedy
from models.reports.daily_figures import daily_figures
from models.staff.shift import EndReason, Shift
from models.staff.shift_end import shift_ends_at

BUSIER_ON = (0.75, 0.75, 0.85, 0.95, 1.3, 1.5, 0.9)  # Monday to Sunday
SIGNED_DAYS = 14  # the stores began to sign their days so long before the end
CUSTOMERS_OF_CONCERN = {StoreKind.RESTAURANT: (16, 22), StoreKind.RETAIL: (45, 70)}  # for each concern that is logged
PER_RECEIPT = {StoreKind.RESTAURANT: (2.0, 2.6), StoreKind.RETAIL: (2.5, 3.5)}  # who share one, or buy nothing
SALES_OF_RECEIPT = {StoreKind.RESTAURANT: (4200, 6800), StoreKind.RETAIL: (1900, 3600)}  # minor units
NOTES = (
    ("Quick with the bills tonight.", "The pass is too full at nine.", "A large party at eight: two more at the pass."),
    ("Nobody waited long.", "Labels in the second row are old.", "Delivery at seven; check the labels first."),
    ("Good help for each other.", "We promised calls and forgot one.", "Call back whoever we promised it to."),
    ("Many kind words.", "Ask more tables before they ask us.", "Ask every table once before the main course."),
)


class Vocabulary:
    """The organization's vocabulary, by slug, and the items that were named so far."""

    def __init__(self, session: ScopedSession) -> None:
        self._session = session
        self.categories = {row.slug: row for row in session.scalars(select(Category))}
        self.causes = {row.slug: row for row in session.scalars(select(Cause))}
        self.remedies = {row.slug: row for row in session.scalars(select(Remedy))}
        for_all_concerns = select(Question).where(Question.category_id.is_(None))
        self.questions = sorted(session.scalars(for_all_concerns), key=lambda row: row.slug)
        self._items: dict[str, CatalogueItem | None] = {}

    def item(self, name: str, *, sensitive: bool, at: datetime) -> CatalogueItem | None:
        """Return an item of the catalogue, which is added when it is named first."""
        if name not in self._items:
            named = [{"name": name}]
            item = CatalogueItem.find_or_create(self._session, named, sensitive=sensitive, at=at)[0]
            if item is not None and len(self._items) % 3:  # a manager has looked at two of three
                item.rename(item.name)
            self._items[name] = item
        return self._items[name]


class Decks:
    """What comes in fixed shares in a store, whatever the dates: so that each of it is there to be seen."""

    def __init__(self, rng: Random) -> None:
        def shares(**cards: int) -> Deck[str]:
            return Deck(rng, [name for name, times in cards.items() for _ in range(times)])

        self.voided = shares(no=19, yes=1)
        self.praise_as_concern = shares(no=5, yes=1)
        self.corrected_up = shares(no=15, yes=1)
        self.quick = shares(no=3, yes=1)
        self.promised = shares(no=4, yes=1)
        self.promises = Deck(rng, [*[FollowUpStatus.KEPT] * 7, None, FollowUpStatus.BROKEN, FollowUpStatus.CANCELLED])
        self.asked = shares(no=3, yes=2)
        self.answers = shares(none=10, answered=16, suspect=1)
        self.ratings = Deck(rng, [1, 2, *[3] * 3, *[4] * 6, *[5] * 5])
        self.recommends = Deck(rng, [None, None, 2, 5, 6, 7, 8, 8, 9, 9, 9, 10, 10])
        self.refunds = shares(stands=9, taken_back=1)
        self.payments = shares(paid=4, failed=1, failed_at_first=1, forgotten=1)
        self.decisions = shares(approved=6, declined=2, nobody=1)
        self.rings = shares(opened=6, shown=3, failed=1)
        self.consents = shares(yes=9, no=1)
        self.till = shares(typed=4, told=1)
        self.signed = shares(yes=6, no=1)


class StoreHistory:
    """The days of a store. Each concern has random numbers of its own, so that it is the same whenever it is made."""

    def __init__(
        self,
        session: ScopedSession,
        shift: StoreShift,
        simulation: Simulation,
        *,
        vocabulary: Vocabulary,
        book: CustomerBook,
        seeded_at: datetime,
        after_each_day: Callable[[], None],
    ) -> None:
        self.session, self.shift, self.store, self.simulation = session, shift, shift.store, simulation
        self.vocabulary, self.book, self.seeded_at = vocabulary, book, seeded_at
        self.after_each_day = after_each_day
        self.decks = Decks(Random(f"decks of {shift.store.slug}"))  # noqa: S311 - the same history every time
        self.regulars = customers.regular_customers(shift.store.country)
        self.scenarios = SCENARIOS[shift.store.kind]
        self.owes_today = False  # whether something is due today

    @property
    def people(self) -> Sequence[Person]:
        return (*self.shift.floor, self.shift.manager)

    def person(self, staff_id: Any) -> Person | None:
        """Return who of the store has this id."""
        return next((person for person in self.people if person.staff.id == staff_id), None)

    def begin(self, days: int) -> None:
        """Start the last so many whole business days before the history was seeded."""
        last = self.store.business_date(self.seeded_at) - timedelta(days=1)
        for ago in range(days):
            day = StoreDayHistory(self, last - timedelta(days=ago), ago)
            self.simulation.start(day.opens_at, day.run())


class StoreDayHistory:
    """A business day of a store: who works, what is logged, how many were asked, and how the day is closed."""

    def __init__(self, history: StoreHistory, day: date, ago: int) -> None:
        self.history, self.day, self.ago = history, day, ago
        self.session, self.store, self.shift = history.session, history.store, history.shift
        self.rng = Random(f"{self.store.slug} {day}")  # noqa: S311 - the same history every time
        self.has_unanswered = False

    @property
    def opens_at(self) -> datetime:
        return self._at(*self.shift.template.hours[0][:1]) - timedelta(minutes=30)

    def run(self) -> Course:
        """Let the day begin, pass and end. The manager signs it in the morning after."""
        history = self.history
        moments = self._moments()
        for number, moment in enumerate(moments):
            history.simulation.start(moment, ConcernCourse(self, number, moment).run())
        for fix in FIXES[self.store.kind]:
            if self.ago == fix.days_ago:
                history.simulation.start(self.opens_at, fix_cause(history, fix, at=self.opens_at))
        closes_at = self._at(self.shift.template.hours[-1][1])
        yield closes_at + timedelta(minutes=20)
        self._add_shifts(closes_at)
        guests = round(len(moments) * self.rng.uniform(*CUSTOMERS_OF_CONCERN[self.store.kind]))
        self._add_checks(guests)
        self._add_figures(guests, at=closes_at + timedelta(minutes=20))
        history.after_each_day()
        morning = self.store.day_bounds(self.day)[1] + timedelta(hours=5, minutes=self.rng.randrange(30))
        if self.ago < SIGNED_DAYS and history.decks.signed.draw() == "yes":
            yield morning
            self._sign(morning)

    def _moments(self) -> list[datetime]:
        busy = self.shift.template.busy * BUSIER_ON[self.day.weekday()] * self.rng.uniform(0.7, 1.3)
        return sorted(self._moment() for _ in range(round(busy)))

    def _moment(self) -> datetime:
        opens, closes = (self._at(clock) for clock in self.rng.choice(self.shift.template.hours))
        return opens + timedelta(seconds=self.rng.randrange(int((closes - opens).total_seconds())))

    def _at(self, clock: Any) -> datetime:
        return datetime.combine(self.day, clock, tzinfo=self.store.zone_on(self.day)).astimezone(UTC)

    def _add_shifts(self, closes_at: datetime) -> None:
        """Add the shifts of the day. Who works is known, so that nothing of `Shift.check_in` has to be looked up."""
        for person in self.history.people:
            begins_at = self.opens_at + timedelta(minutes=self.rng.randrange(25))
            shift = Shift(staff_id=person.staff.id, store_id=self.store.id, lead=person is self.shift.manager)
            shift.started_at, shift.ends_at = begins_at, shift_ends_at(self.store, begins_at)
            shift.end(EndReason.CHECKED_OUT, at=closes_at + timedelta(minutes=self.rng.randrange(5, 20)))
            self.session.add(shift)

    def _add_checks(self, guests: int) -> None:
        """Add the tables or customers that were asked and were well: as many as an hour of this store can ask."""
        left = round(guests * self.rng.uniform(0.08, 0.2))
        while left > 0:
            count, at = min(left, self.rng.randrange(1, 6)), self._moment()
            check = WellbeingCheck(
                store_id=self.store.id,
                checked_by_id=self.rng.choice(self.history.people).staff.id,
                count=count,
                at=at,
                business_date=self.day,
            )
            self.session.add(check)
            left -= count

    def _add_figures(self, guests: int, *, at: datetime) -> None:
        """Record the guests, receipts and sales of the day, which is forgotten now and then."""
        if self.rng.random() < 0.05:
            return
        receipts = max(round(guests / self.rng.uniform(*PER_RECEIPT[self.store.kind])), 1)
        sales = receipts * self.rng.randrange(*SALES_OF_RECEIPT[self.store.kind])
        StoreDay.record(
            self.session,
            self.store,
            self.day,
            at=at,
            covers=guests,
            transactions=receipts,
            sales=Money(sales, self.store.currency_on(self.day)),
        )

    def _sign(self, at: datetime) -> None:
        """Write the notes of the day and sign it."""
        (log,) = DailyLog.for_days(self.session, self.store, self.day)
        well, better, tomorrow = self.rng.choice(NOTES)
        notes: dict[str, str | None] = {"went-well": well, "to-improve": better, TOMORROW_HEADING: tomorrow}
        log.write(self.session, self.store, notes, at=at)
        self.session.flush()
        log.sign_off(self.session, self.store, count=daily_figures, by=self.shift.manager.actor, at=at)


def write_history(
    session: ScopedSession,
    shifts: Sequence[StoreShift],
    *,
    days: int,
    seeded_at: datetime,
    after_each_day: Callable[[], None] = lambda: None,
) -> None:
    """Write the history of the last so many whole business days of these stores, all of them in the order of time."""
    ends = [shift.store.day_bounds(shift.store.business_date(seeded_at) - timedelta(days=1))[1] for shift in shifts]
    simulation = Simulation(max(ends))
    shared = {"vocabulary": Vocabulary(session), "book": CustomerBook(session)}
    for shift in shifts:
        history = StoreHistory(session, shift, simulation, seeded_at=seeded_at, after_each_day=after_each_day, **shared)
        history.begin(days)
    simulation.run()
