"""Scenarios of the demo: what customers say, and what usually puts it right."""

from dataclasses import dataclass

from models.concerns.enums import Kind
from models.organizations.store import StoreKind

Cost = tuple[int, int]  # from, to, in minor units
FREE: Cost = (0, 0)


@dataclass(frozen=True)
class Scenario:
    """A kind of concern or praise, with texts for it and remedies that usually help."""

    weight: int
    category: str
    cause: str
    words: tuple[str, ...]
    reading: str
    wanted: tuple[str, ...] = ()
    remedies: tuple[tuple[str, Cost], ...] = ()
    items: tuple[str, ...] = ()
    kind: Kind = Kind.CONCERN
    sensitive: bool = False


RESTAURANT_SCENARIOS = (
    Scenario(
        20,
        "waiting-time",
        "slow-kitchen",
        ("We ordered forty minutes ago.", "The children are falling asleep here.", "Is anybody cooking our food?"),
        "Feels forgotten; the wait matters more than the food.",
        ("To know when it comes", "Something for the children now"),
        (("apology", FREE), ("explanation", FREE), ("gift", (300, 800)), ("discount", (400, 1500))),
    ),
    Scenario(
        10,
        "waiting-time",
        "order-forgotten",
        ("They came after us and have eaten already.", "You never wrote our order down."),
        "Right: the order never reached the kitchen.",
        ("To eat within ten minutes",),
        (("apology", FREE), ("remake", (900, 2200)), ("gift", (300, 700))),
    ),
    Scenario(
        14,
        "food-and-drink",
        "cold",
        ("It is stone cold in the middle.", "The soup was warm once.", "I had to send it back twice."),
        "Plate waited at the pass.",
        ("A hot one",),
        (("apology", FREE), ("remake", (600, 1900)), ("replacement", (700, 2100))),
        ("Grilled sea bass", "Fish soup", "Steak with egg", "Vegetable rice"),
    ),
    Scenario(
        8,
        "food-and-drink",
        "wrong-dish",
        ("This is not what I ordered.", "I said without onions. Twice."),
        "Mixed up with the next table.",
        ("What was ordered",),
        (("apology", FREE), ("replacement", (700, 2000)), ("voucher", (1000, 1000))),
        ("Octopus salad", "Cod with cream", "Goat cheese tart"),
    ),
    Scenario(
        7,
        "food-and-drink",
        "taste",
        ("Far too salty, I cannot eat it.", "It tasted better last time."),
        "A regular who knows how it should be.",
        ("Something else instead",),
        (("apology", FREE), ("replacement", (700, 1800))),
        ("Seafood stew", "Lamb chops"),
    ),
    Scenario(
        6,
        "bill",
        "overcharged",
        ("We never had this second bottle.", "The bill is wrong again."),
        "Embarrassed in front of guests.",
        ("A correct bill, without a discussion",),
        (("apology", FREE), ("refund", (500, 3500)), ("explanation", FREE)),
    ),
    Scenario(
        6,
        "service",
        "ignored",
        ("Nobody has looked our way for twenty minutes.", "I waved, he saw me and walked on."),
        "Wants to be seen, not compensated.",
        ("Somebody who looks after us",),
        (("apology", FREE), ("gift", (300, 900))),
    ),
    Scenario(
        3,
        "service",
        "unfriendly",
        ("He laughed when I asked for the price.", "I do not want to be spoken to like that."),
        "Hurt; wants the manager.",
        ("To speak with the manager",),
        (("apology", FREE), ("voucher", (1500, 3000))),
        sensitive=True,
    ),
    Scenario(
        4,
        "premises",
        "noise",
        ("We cannot hear each other.", "There is music from two sides."),
        "Came for a quiet evening.",
        ("Another table",),
        (("apology", FREE), ("other", FREE)),
    ),
    Scenario(
        2,
        "allergy",
        "undeclared-allergen",
        ("I told you about the nuts. There are nuts in it.", "You said without gluten. Is it?"),
        "Frightened, with reason.",
        ("To be sure it is safe", "The list of ingredients"),
        (("apology", FREE), ("remake", (900, 2000)), ("explanation", FREE)),
    ),
    Scenario(
        9,
        "availability",
        "out-of-stock",
        ("Is the dish of the day gone already?", "We came for the clams."),
        "Came for one dish.",
        ("An alternative that is as good",),
        (("explanation", FREE), ("gift", (300, 600))),
        ("Clams", "Dish of the day"),
        kind=Kind.REQUEST,
    ),
    Scenario(
        8,
        "service",
        "ignored",
        ("Best evening in months, thank the young man at the bar.", "You remembered our anniversary!"),
        "Happy.",
        kind=Kind.PRAISE,
    ),
)

RETAIL_SCENARIOS = (
    Scenario(
        16,
        "waiting-time",
        "long-queue",
        ("One till open, and twenty people.", "I only have my lunch break."),
        "In a hurry, with reason.",
        ("A second till",),
        (("apology", FREE), ("explanation", FREE), ("voucher", (300, 500))),
    ),
    Scenario(
        14,
        "product",
        "defective",
        ("It broke on the first day.", "The zip came off in my hand."),
        "Second time with this article.",
        ("One that works", "The money back"),
        (("apology", FREE), ("replacement", (900, 4900)), ("refund", (900, 4900))),
        ("Travel kettle", "Rain jacket", "Desk lamp"),
    ),
    Scenario(
        8,
        "product",
        "incomplete",
        ("The screws are missing.", "There is no charger in the box."),
        "Drove here again for it.",
        ("The missing part, today",),
        (("apology", FREE), ("replacement", (200, 1200)), ("voucher", (500, 1000))),
        ("Shelf set", "Hand blender"),
    ),
    Scenario(
        9,
        "bill",
        "price-mismatch",
        ("The shelf says something else.", "It was in the leaflet for less."),
        "The label was old.",
        ("The price on the shelf",),
        (("apology", FREE), ("refund", (100, 900)), ("explanation", FREE)),
    ),
    Scenario(
        6,
        "service",
        "wrong-information",
        ("Your colleague said you had it here.", "On the phone they told me Tuesday."),
        "Came from far for nothing.",
        ("Somebody who knows",),
        (("apology", FREE), ("voucher", (500, 1500))),
    ),
    Scenario(
        4,
        "premises",
        "dirty",
        ("The fitting room looks terrible.", "There is something sticky on the floor."),
        "Right.",
        (),
        (("apology", FREE), ("other", FREE)),
    ),
    Scenario(
        2,
        "safety",
        "fall",
        ("I slipped on the wet floor.", "My mother fell over that pallet."),
        "Shaken, maybe hurt.",
        ("To sit down", "That nobody else falls"),
        (("apology", FREE), ("other", (0, 1500))),
        sensitive=True,
    ),
    Scenario(
        16,
        "availability",
        "size-missing",
        ("Do you have this in 38?", "Only the largest size again?"),
        "Would buy at once.",
        ("It sent home", "A call when it is back"),
        (("explanation", FREE), ("other", (0, 400))),
        ("Rain jacket", "Running shoes", "Linen shirt"),
        kind=Kind.REQUEST,
    ),
    Scenario(
        7,
        "availability",
        "not-found",
        ("I have walked past every shelf twice.", "Where did you move the tea?"),
        "Could not find anybody to ask.",
        (),
        (("explanation", FREE),),
        ("Green tea", "Light bulbs"),
        kind=Kind.REQUEST,
    ),
    Scenario(
        7,
        "service",
        "unfriendly",
        ("Your colleague carried it to my car. In the rain!", "She found it in two minutes, wonderful."),
        "Happy.",
        kind=Kind.PRAISE,
    ),
)

SCENARIOS = {StoreKind.RESTAURANT: RESTAURANT_SCENARIOS, StoreKind.RETAIL: RETAIL_SCENARIOS}
STAKES = (
    "birthday, guests from abroad",
    "has to catch a train in half an hour",
    "two tired children",
    "first time out since the hospital",
    "needs it for tomorrow",
    "took the afternoon off for this",
    "lunch break ends in ten minutes",
)
