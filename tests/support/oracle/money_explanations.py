"""Explanations of what several people did at once: the orders in which the rules of the model give all answers."""

from collections.abc import Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from itertools import permutations
from typing import Any
from uuid import UUID

from tests.support.oracle.money_ledger import Gift, Paid, State
from tests.support.oracle.money_rules import Answer, MoneyRules


@dataclass(frozen=True)
class Said:
    """What somebody said, about what, and what they were answered."""

    verb: str
    by: str
    about: UUID | None
    words: tuple[Any, ...]
    accepted: bool
    answer: Answer = Answer.REFUSED
    id: UUID | None = None


def explanations(rules: MoneyRules, said: Sequence[Said], *, at: datetime, day: date) -> Iterator[MoneyRules]:
    """Yield the model after all of it, for each order in which it would have answered like that."""
    for order in permutations(said):
        tried = copy(rules)
        tried.ledger = deepcopy(rules.ledger)
        if all(follows(tried, each, at=at, day=day) for each in order):
            yield tried


def follows(rules: MoneyRules, said: Said, *, at: datetime, day: date) -> bool:
    """Return whether the model would have answered that, and write it down."""
    expected: bool = VERBS[said.verb](rules, said, at, day)
    return expected


def _give(rules: MoneyRules, said: Said, at: datetime, day: date) -> bool:
    case, (remedy, amount) = rules.ledger.cases[said.about], said.words  # type: ignore[index]
    if rules.answer(case, said.by, remedy, amount, at=at, day=day) is not said.answer:
        return False
    if said.id is not None:
        state = State.WAITING if said.answer is Answer.PENDING else State.GIVEN
        currency = rules.stores[case.store].currency
        gift = Gift(said.id, case, remedy, amount, currency, said.by, at, day, case.customer, state)
        gift.is_beyond = said.answer is Answer.BEYOND
        if gift.is_given:
            gift.start_payment()
        rules.ledger.gifts[gift.id] = gift
    return True


def _approve(rules: MoneyRules, said: Said, at: datetime, day: date) -> bool:
    gift = rules.ledger.gifts[said.about]  # type: ignore[index]
    may = rules.may_approve(gift, said.by, at=at, day=day)
    if may and said.accepted:
        rules.ledger.approve(gift, day=day)
    return may is said.accepted


def _reverse(rules: MoneyRules, said: Said, _at: datetime, _day: date) -> bool:
    gift = rules.ledger.gifts[said.about]  # type: ignore[index]
    may = gift.is_given and gift.reversal_id is None
    if may and said.id is not None:
        rules.ledger.reverse(gift, said.id, by=said.by)
    return may is said.accepted


def _settle(rules: MoneyRules, said: Said, at: datetime, _day: date) -> bool:
    of_reversal = said.verb == "settle_back"
    to, reference = said.words
    gifts = rules.ledger.gifts
    gift = next(it for it in gifts.values() if said.about == (it.reversal_id if of_reversal else it.id))
    words: dict[str, Any] = {"of_reversal": of_reversal, "at": at}
    may = rules.may_settle(gift, to, said.by, reference=reference, **words)
    if may and said.accepted and said.about is not None:
        if reference is not None and rules.may_witness(gift, to, said.by, **words):
            rules.ledger.references[said.about] = gift.case.store, reference
        (rules.ledger.settle_back if of_reversal else rules.settle)(gift, Paid(to))
    return may is said.accepted


def _name(rules: MoneyRules, said: Said, _at: datetime, _day: date) -> bool:
    (profile,) = said.words
    if said.accepted:
        rules.recount_customer(rules.ledger.name(rules.ledger.cases[said.about], profile), profile)  # type: ignore[index]
    return said.accepted


def _tell(rules: MoneyRules, said: Said, _at: datetime, day: date) -> bool:
    store, source, reference, value = said.words
    if said.accepted:
        rules.ledger.tell(said.by, source, (store, day, reference), value)
    return said.accepted


def _merge(rules: MoneyRules, said: Said, _at: datetime, _day: date) -> bool:
    survivor, merged = said.words
    ledger = rules.ledger
    may = survivor not in ledger.merged_into and merged not in ledger.merged_into
    if may and said.accepted:
        arrivals = [gift for gift in ledger.gifts.values() if ledger.survivor(gift.whose) == merged]
        ledger.merged_into[merged] = survivor
        rules.recount_customer(sorted(arrivals, key=lambda gift: gift.id), survivor)
    return may is said.accepted


def _undo(rules: MoneyRules, said: Said, _at: datetime, _day: date) -> bool:
    (merged,) = said.words
    may = merged in rules.ledger.merged_into
    if may and said.accepted:
        del rules.ledger.merged_into[merged]
    return may is said.accepted


VERBS: dict[str, Any] = {
    "give": _give,
    "approve": _approve,
    "reverse": _reverse,
    "settle": _settle,
    "settle_back": _settle,
    "name": _name,
    "tell": _tell,
    "merge": _merge,
    "undo_merge": _undo,
}
