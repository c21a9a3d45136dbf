"""Several people at once: the model explains all answers in some order, and no limit gives more than it may."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.money_scene import (
    STORES,
    MoneyScene,
    action_rows,
    assert_accounted_for,
    day_of,
    fold,
    make_scene,
    money_rules,
)
from tests.support.factories.organizations import Shop, make_shop
from tests.support.oracle.money_explanations import Said, explanations
from tests.support.oracle.money_ledger import OWED, Case, Paid
from tests.support.oracle.money_rules import Answer, MoneyRules
from tests.support.profiles import by_profile, longer
from tests.support.sign_in import sign_in_again
from tests.support.threads import at_once

GIVERS = ("floor", "floor", "colleague", "colleague", "manager", "deputy", "regional", "key", "till")
DECIDERS, WITNESSES = ("manager", "deputy", "regional"), ("manager", "regional", "key", "till", "till")
REMEDIES = ("refund", "refund", "refund", "voucher", "voucher", "discount", "gift", "remake")
AMOUNTS = (3, 4, 5, 6, 8, 9, 10, 11, 13, 25)
SETTLEMENTS = (Paid.REQUESTED, Paid.SETTLED, Paid.SETTLED, Paid.FAILED)
# Who logged it, where, for which profile, about which order, worth what.
CONCERNS: tuple[tuple[str, str, int | None, str | None, int | None], ...] = (
    ("floor", "first", 0, "12", 20),
    ("colleague", "first", 0, None, None),
    ("floor", "first", 1, "12", None),
    ("colleague", "first", None, "A-7", 30),
    ("manager", "first", None, "a-7", None),
    ("colleague", "second", 0, None, None),
    ("colleague", "third", 1, "12", 9),
    ("floor", "fourth", 0, None, None),
)
OFTEN = {"give": 10, "approve": 2, "reverse": 2, "settle": 3, "settle_back": 2, "name": 1, "tell": 1, "move": 1}
slugs = (f"shop-{number}" for number in count())


class Colleagues:
    """Several people in the scene, with the ledger of what was said and answered."""

    def __init__(self, app: App, shop: Shop, concerns: Sequence[Any] = CONCERNS) -> None:
        self.app, self.shop = app, shop
        self.scene: MoneyScene = make_scene(app, shop)
        self.rules: MoneyRules = money_rules()
        self.merges: list[tuple[str, UUID]] = []
        sign_in_again(app, shop, "deputy")
        for by, store, profile, reference, value in concerns:
            self.log(by, store, profile, reference, value)

    def log(self, by: str, store: str, profile: int | None, reference: str | None, value: int | None) -> Case:
        named = None if profile is None else self.scene.profiles[profile]
        order = {"reference": reference, "value": self.money(store, value) if value else None} if reference else None
        fields = {"store_id": str(self.scene.stores[store]), "order": order}
        fields |= {"customer_id": str(named)} if named else {}
        concern = log_concern(self.app, self.shop, by, mood=3, **{name: it for name, it in fields.items() if it})
        at = self.app.clock()
        case = Case(UUID(concern["id"]), store, day_of(at), named, by, at, fold(reference), value)
        self.rules.ledger.cases[case.id] = case
        return case

    def money(self, store: str, amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": STORES[store].currency}

    # ------------------------------------------------------------------------------------------ what may be said now

    def something(self, chosen: Random) -> Callable[[], Said] | None:
        """Return something to say, if what is drawn finds anything to be said about."""
        (verb,) = chosen.choices(list(OFTEN), list(OFTEN.values()))
        if verb == "tell":
            by, source = chosen.choice((("key", "bar"), ("till", "yard")))
            return partial(self.tell, by, chosen.choice(("first", "third")), source, chosen.choice((5, 9, 12)))
        if verb == "move":
            return partial(self.undo_merge, *self.merges[-1]) if self.merges else self.merge
        about_concern = verb in {"give", "name"}
        return self.about_concern(verb, chosen) if about_concern else self.about_gift(verb, chosen)

    def about_concern(self, verb: str, chosen: Random) -> Callable[[], Said] | None:
        by, profile = chosen.choice(GIVERS), chosen.choice(self.scene.profiles)
        cases = [case for case in self.rules.ledger.cases.values() if self.rules.people[by].reaches(case.store)]
        case = chosen.choice(cases[:3] if chosen.random() < 0.5 else cases)
        if verb == "give":
            return partial(self.give, by, case, chosen.choice(REMEDIES), chosen.choice(AMOUNTS))
        cannot = self.rules.ledger.has_merged(profile) or self.rules.people[by].is_till
        return None if cannot else partial(self.name, by, case, profile)

    def about_gift(self, verb: str, chosen: Random) -> Callable[[], Said] | None:
        gifts = [gift for gift in self.rules.ledger.gifts.values() if IS_SUBJECT[verb](gift)]
        if not gifts:
            return None
        gift = chosen.choice(gifts)
        if verb == "approve":
            return self.reaching(gift.case, chosen.choice(DECIDERS), self.approve, gift.id)
        if verb == "reverse":
            return self.reaching(gift.case, chosen.choice(GIVERS), self.reverse, gift.id)
        to, number = chosen.choice(SETTLEMENTS), chosen.choice((None, "R-1", "R-2", "R-3", "R-4"))
        subject = gift.id if verb == "settle" else gift.reversal_id
        return self.reaching(gift.case, chosen.choice(WITNESSES), self.settle, verb, subject, to, number)

    def reaching(self, case: Case, by: str, do: Callable[..., Said], *words: Any) -> Callable[[], Said] | None:
        return partial(do, by, *words) if self.rules.people[by].reaches(case.store) else None

    # ------------------------------------------------------------------------------------------------- how it is said

    def request(self, by: str, path: str, body: dict[str, Any] | None, method: str = "POST") -> Any:
        answer = self.app.request(method, path, (self.shop, by), json=body, headers={"If-Match": "*"})
        assert answer.status_code in (200, 201, 403, 409, 422), answer.text
        return answer

    def give(self, by: str, case: Case, remedy: str, amount: int) -> Said:
        body = {"remedy": remedy, "cost": self.money(case.store, amount)}
        answer = self.request(by, f"/v1/concerns/{case.id}/recovery-actions", body)
        if answer.status_code != 201:
            return Said("give", by, case.id, (remedy, amount), accepted=False)
        result = Answer.BEYOND if answer.json["beyond"] else Answer.DONE
        result = Answer.PENDING if answer.json["status"] == "pending" else result
        return Said("give", by, case.id, (remedy, amount), accepted=True, answer=result, id=UUID(answer.json["id"]))

    def approve(self, by: str, gift: UUID) -> Said:
        answer = self.request(by, f"/v1/recovery-actions/{gift}/approve", {})
        return Said("approve", by, gift, (), accepted=answer.status_code == 200)

    def reverse(self, by: str, gift: UUID) -> Said:
        answer = self.request(by, f"/v1/recovery-actions/{gift}/reverse", {})
        entry = None
        if answer.status_code == 200:
            with self.app.back_office.reading(self.shop.organization_id) as session:
                entry = next(row.id for row in action_rows(session) if row.reverses_id == gift)
        return Said("reverse", by, gift, (), accepted=entry is not None, id=entry)

    def settle(self, by: str, verb: str, entry: UUID, to: Paid, reference: str | None) -> Said:
        body = {"settlement": str(to), "reference": reference}
        body = {name: value for name, value in body.items() if value}
        answer = self.request(by, f"/v1/recovery-actions/{entry}/settle", body)
        return Said(verb, by, entry, (to, reference), accepted=answer.status_code == 200)

    def name(self, by: str, case: Case, profile: UUID) -> Said:
        answer = self.request(by, f"/v1/concerns/{case.id}", {"customer_id": str(profile)}, "PATCH")
        return Said("name", by, case.id, (profile,), accepted=answer.status_code == 200)

    def tell(self, by: str, store: str, source: str, value: int) -> Said:
        opened = self.app.clock().isoformat()
        body = {"store_id": str(self.scene.stores[store]), "opened": opened, "value": self.money(store, value)}
        answer = self.request(by, f"/v1/orders/{source}/12", body, "PUT")
        return Said("tell", by, None, (store, source, "12", value), accepted=answer.status_code < 300)

    def merge(self) -> Said:
        survivor, merged = self.scene.profiles[:2]
        answer = self.request("manager", f"/v1/customers/{survivor}/merge", {"customer_id": str(merged)})
        if answer.status_code == 200:
            self.merges.append((answer.json["id"], merged))
        return Said("merge", "manager", None, (survivor, merged), accepted=answer.status_code == 200)

    def undo_merge(self, merge_id: str, merged: UUID) -> Said:
        answer = self.request("manager", f"/v1/customers/merges/{merge_id}/undo", None)
        if answer.status_code == 200:
            self.merges.pop()
        return Said("undo_merge", "manager", None, (merged,), accepted=answer.status_code == 200)

    def moment(self, steps: Sequence[Callable[[], Said]]) -> None:
        """Let all of it happen at once, and find an order that explains the answers and what is there now."""
        statements = at_once(steps)
        at = self.app.clock()
        with self.app.back_office.reading(self.shop.organization_id) as session:
            rows = action_rows(session)
        after = [tried for tried in explanations(self.rules, statements, at=at, day=day_of(at)) if fits(rows, tried)]
        assert after, "\n".join(map(str, [*statements, *rows]))  # all of it, as it may not happen again
        self.rules = after[0]
        self.app.clock.move(seconds=1)


def fits(rows: Sequence[Any], rules: MoneyRules) -> bool:
    try:
        assert_accounted_for(rows, rules.ledger)
    except AssertionError:
        return False
    return True


IS_SUBJECT: dict[str, Callable[[Any], bool]] = {
    "approve": lambda gift: gift.state == "waiting",
    "reverse": lambda gift: gift.is_given,
    "settle": lambda gift: gift.is_given and gift.paid in OWED,
    "settle_back": lambda gift: gift.waits_for_money_back,
}


@only_on_postgresql
@longer
@settings(max_examples=by_profile(quick=1, deep=10), phases=(Phase.generate,))
@given(seed=st.integers(0, 2**64))
def test_what_people_do_at_once_could_have_happened_one_after_the_other(app: App, seed: int) -> None:
    app.clock.at, chosen = NOON, Random(seed)
    colleagues = Colleagues(app, make_shop(app.back_office, next(slugs)))
    for _ in range(by_profile(quick=5, deep=12)):
        steps = [colleagues.about_concern("give", chosen), *(colleagues.something(chosen) for _ in range(4))]
        moves = [step for step in steps if is_about_profiles(step)]
        colleagues.moment([step for step in steps if step is not None and step not in moves[1:]][:4])


def is_about_profiles(step: Any) -> bool:
    """Whether it moves what a profile has: in one moment, one of these, as names mean the profile of before."""
    name = getattr(getattr(step, "func", step), "__name__", "")
    return name in {"merge", "undo_merge", "name"}


@only_on_postgresql
def test_no_limit_gives_more_when_many_come_at_once(app: App, shop: Shop) -> None:
    colleagues = Colleagues(app, shop, concerns=())

    def at_once_given(*given: tuple[str, Case, str, int]) -> list[str]:
        statements = at_once([partial(colleagues.give, *words) for words in given])
        app.clock.move(days=1)
        return sorted(each.answer for each in statements)

    def cases(number: int, by: str = "floor", *what: Any) -> list[Case]:
        return [colleagues.log(by, "first", *(what or (None, None, None))) for _ in range(number)]

    done, pending, refused = Answer.DONE, Answer.PENDING, Answer.REFUSED
    people = ("floor", "colleague")
    one_customer = [(by, case, "refund", 4) for case in cases(2, "floor", 2, None, None) for by in people]
    assert at_once_given(*one_customer) == [done] * 2 + [pending] * 2
    assert at_once_given(*(("floor", case, "voucher", 6) for case in cases(5))) == [done] * 3 + [pending] * 2
    of_store = zip(("manager", "deputy", "regional", "manager", "deputy"), cases(5), strict=True)
    assert at_once_given(*((by, case, "refund", 25) for by, case in of_store)) == [done] * 3 + [pending] * 2
    assert at_once_given(*(("key", case, "refund", 6) for case in cases(5))) == [done] * 3 + [pending] * 2
    of_order = [("key", case, "refund", 5) for case in cases(3, "floor", None, "88", None)]
    assert at_once_given(*of_order) == [done] + [pending] * 2
    worth_12 = zip(("manager", "deputy", "regional"), cases(3, "floor", None, "99", 12), strict=True)
    assert at_once_given(*((by, case, "refund", 5) for by, case in worth_12)) == [done] * 2 + [refused]
    for _ in range(2):
        assert at_once_given(("floor", cases(1, "floor", 3, None, None)[0], "voucher", 1)) == [done]
    third_day = [(by, case, "voucher", 1) for case in cases(1, "floor", 3, None, None) for by in people]
    assert at_once_given(*third_day) == [pending] * 2
