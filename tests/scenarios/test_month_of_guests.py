"""A month of guests who come again: staff ask what guidance suggests, and nobody is asked the same question twice."""

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.concerns.previous import find_past
from models.operations.guidance import guidance_for_concern, guidance_for_conversation
from models.organizations.store import Store
from models.organizations.vocabulary import Cause, Question
from models.policy_defaults import MIN_OUTCOME_SAMPLE
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.customers import recognise
from tests.support.factories.organizations import Shop

VISITS_PER_DAY, DAYS = 2, 30


def test_no_guest_is_asked_the_same_question_twice_in_a_month(app: App, shop: Shop) -> None:
    rng = random.Random(18)
    used: list[tuple[UUID, str]] = []
    by = Actor(
        shop.organization_id,
        GRANTS[Role.FLOOR],
        frozenset({shop.store_id}),
        staff_id=shop.staff["floor"],
        role=Role.FLOOR,
    )
    with app.database.writing(shop.organization_id) as session:
        session.add_all(Question(slug=slug, text=slug) for slug in ("how-was-it", "what-matters", "what-would-help"))
        session.flush()
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        cold = session.scalars(select(Cause).where(Cause.slug == "cold")).one()
        guests = [recognise(session, store.id, phone=f"912 345 {number}") for number in range(670, 680)]
        questions = {question.slug: question for question in session.scalars(select(Question))}
        questions["what-happened"].from_the_beginning = True
        for visit in range(VISITS_PER_DAY * DAYS):
            at = NOON + timedelta(days=1 + visit // VISITS_PER_DAY, hours=visit % VISITS_PER_DAY)
            guest, times_told = rng.choice(guests), rng.choice([1, 1, 2])
            about = {"category": "food", "cause": "cold", "customer_id": guest.id, "times_told": times_told}
            before = guidance_for_conversation(session, store, about, by=by, at=at)
            assert (before.opening is None) is (times_told == 1)
            asking = before.question and before.question.slug
            assert not (times_told > 1 and asking == "what-happened")
            used += [(guest.id, asking)] if asking else []
            fields = {"question": questions[asking]} if asking else {}
            past = find_past(session, guest, store=store, before=at)
            fields |= {"category": cold.category, "cause": cold, "customer": guest, "past": past}
            concern = Concern.log(by=by, store=store, mood=2, at=at, **fields).concern
            session.add(concern)
            following = guidance_for_concern(session, concern, by=by, at=at)
            assert following is not None
            if following.question is not None:
                used.append((guest.id, following.question.slug))
                concern.edit(by=by, at=at, question=questions[following.question.slug])
            concern.resolve(by=by, outcome=Outcome.RECOVERED, mood_after=rng.randint(3, 5), at=at)
            session.flush()  # as at the end of a request
    twice = [pair for pair, times in Counter(used).items() if times > 1]
    assert len(used) > 2 * MIN_OUTCOME_SAMPLE, "enough to prefer some questions to others"
    assert len(twice) / len(used) == 0, twice
