"""Default vocabulary of a new organization: categories with causes, remedies, open questions."""

from itertools import count

from sqlalchemy.orm import Session

from models.organizations.store import StoreKind
from models.organizations.vocabulary import Category, Cause, Question
from models.recovery.remedy import Remedy, RemedyKind

# Slug: (name, urgent, causes as slug: name). Slugs of causes are unique within the organization.
CATEGORIES: dict[str, tuple[str, bool, dict[str, str]]] = {
    "waiting-time": (
        "Waiting time",
        False,
        {
            "slow-kitchen": "The kitchen is slow",
            "long-queue": "Long queue",
            "order-forgotten": "Order forgotten",
            "late-delivery": "Late delivery",
        },
    ),
    "food-and-drink": (
        "Food and drink",
        False,
        {"cold": "Cold", "undercooked": "Undercooked", "wrong-dish": "Wrong dish", "taste": "Did not taste right"},
    ),
    "product": (
        "Product",
        False,
        {"defective": "Defective", "incomplete": "Incomplete", "not-as-described": "Not as described"},
    ),
    "availability": (
        "Availability",
        False,
        {"out-of-stock": "Out of stock", "size-missing": "Size missing", "not-found": "Could not find it"},
    ),
    "service": (
        "Service",
        False,
        {"unfriendly": "Unfriendly", "ignored": "Felt ignored", "wrong-information": "Wrong information"},
    ),
    "bill": (
        "Bill and price",
        False,
        {"overcharged": "Overcharged", "price-mismatch": "Price not as shown", "payment-failed": "Payment failed"},
    ),
    "premises": ("Premises", False, {"dirty": "Not clean", "noise": "Too loud", "temperature": "Too hot or too cold"}),
    "allergy": ("Allergy", True, {"undeclared-allergen": "Undeclared allergen", "cross-contact": "Cross-contact"}),
    "safety": ("Safety", True, {"fall": "Slipped or fell", "injury": "Injury", "foreign-object": "Foreign object"}),
}

# Beginnings of words, folded, that belong to the urgent categories above, in each language that the product speaks.
URGENT_STEMS: dict[str, tuple[str, ...]] = {
    "en": (
        "allerg",
        "anaphyl",
        "undeclared",
        "cross-cont",
        "safe",
        "unsafe",
        "slip",
        "fall",
        "fell",
        "injur",
        "foreign",
    ),
    "es": ("alerg", "anafil", "contaminacion", "segurid", "insegur", "resbal", "caid", "lesion", "herid", "extrano"),
    "pt": ("alerg", "anafil", "contaminacao", "seguranc", "insegur", "escorreg", "queda", "lesao", "ferid", "estranho"),
}

# Without default costs: what a voucher is worth is the decision of the organization.
REMEDIES: dict[str, tuple[str, RemedyKind]] = {
    "apology": ("Apology", RemedyKind.APOLOGY),
    "explanation": ("Explanation", RemedyKind.EXPLANATION),
    "replacement": ("Replacement", RemedyKind.REPLACEMENT),
    "remake": ("Made again", RemedyKind.REMAKE),
    "refund": ("Refund", RemedyKind.REFUND),
    "discount": ("Discount", RemedyKind.DISCOUNT),
    "voucher": ("Voucher", RemedyKind.VOUCHER),
    "gift": ("Small gift", RemedyKind.GIFT),
    "other": ("Something else", RemedyKind.OTHER),
}

QUESTIONS_BY_CATEGORY: dict[str, dict[str, str]] = {
    "waiting-time": {"what-is-planned": "What have you planned for after this?"},
    "product": {"what-is-it-for": "What do you need it for, and by when?"},
    "availability": {"what-would-do": "What would do instead?"},
    "allergy": {"how-do-you-feel": "How do you feel at this moment?"},
}
QUESTIONS: dict[str, str] = {
    "what-happened": "What happened, from the beginning?",
    "how-was-it": "How was that for you?",
    "what-matters": "What matters most to you about today?",
    "what-would-help": "What would make it right for you?",
    "anything-else": "What else should we know?",
}
FROM_THE_BEGINNING = "what-happened"


# Names of icons: an open list, documented in docs/app/screens-and-pushes.md. A cause shows that of its category.
ICONS: dict[str, str] = {
    "waiting-time": "clock",
    "food-and-drink": "plate",
    "product": "box",
    "availability": "basket",
    "service": "person",
    "bill": "receipt",
    "premises": "building",
    "allergy": "allergen",
    "safety": "warning",
    "apology": "heart",
    "explanation": "speech",
    "replacement": "swap",
    "remake": "repeat",
    "refund": "banknote",
    "discount": "percent",
    "voucher": "ticket",
    "gift": "gift",
    "other": "dots",
}
STORE_KINDS: dict[str, StoreKind] = {"food-and-drink": StoreKind.RESTAURANT, "product": StoreKind.RETAIL}


def add_default_vocabulary(session: Session) -> None:
    """Add the default vocabulary, which the organization may change. It is shown in the order above."""
    questions = count(1)
    for position, (slug, (name, urgent, causes)) in enumerate(CATEGORIES.items(), start=1):
        kind = STORE_KINDS.get(slug)
        category = Category(
            slug=slug,
            name=name,
            urgent=urgent,
            about_money=slug == "bill",
            position=position,
            icon=ICONS[slug],
            store_kind=kind,
        )
        category.causes = [
            Cause(slug=cause_slug, name=cause_name, position=number)
            for number, (cause_slug, cause_name) in enumerate(causes.items(), start=1)
        ]
        session.add(category)
        session.add_all(
            Question(slug=question, text=text, category=category, store_kind=kind, position=next(questions))
            for question, text in QUESTIONS_BY_CATEGORY.get(slug, {}).items()
        )
    session.add_all(
        Remedy(slug=slug, name=name, kind=kind, position=position, icon=ICONS[slug])
        for position, (slug, (name, kind)) in enumerate(REMEDIES.items(), start=1)
    )
    session.add_all(
        Question(slug=slug, text=text, from_the_beginning=slug == FROM_THE_BEGINNING, position=next(questions))
        for slug, text in QUESTIONS.items()
    )
    session.flush()
