"""Product decisions in numbers: how long, how many, how bad. Each is used from here, and stands nowhere else."""

from datetime import time, timedelta
from typing import Final

# Concerns
UNHAPPY_MOOD: Final = 2  # a mood (1-5) of this or less
CONTENT_MOOD: Final = (
    4  # a mood (1-5) of this or more: what a customer writes at a QR code is praise, and they left happy
)
LATE_AFTER: Final = timedelta(
    minutes=15
)  # between what happened and its logging; the customer has gone: inform, do not ring
MAX_CONCERN_AGE: Final = timedelta(days=30)  # an older `occurred_at` of a phone is moved to this bound
MAX_CLOCK_AHEAD: Final = timedelta(minutes=5)  # a later `occurred_at` of a phone is moved to this bound
PREVIOUS_CONCERN_WINDOW: Final = timedelta(days=365)  # an older concern of the same customer is not looked for
SECOND_FAILURE_WINDOW: Final = timedelta(days=30)  # a second concern of one customer within this is a second failure
MAX_RULE_MEMORY_DAYS: Final = 365  # of an alert rule's `repeat_within_days`

# Escalation of alerts, from the moment the run starts
LEAD_AFTER: Final = timedelta(minutes=2)
MANAGERS_AFTER: Final = timedelta(minutes=5)
REGIONAL_AFTER: Final = timedelta(minutes=10)  # severe alerts only
UNANSWERED_AFTER: Final = timedelta(minutes=20)
REACH_WITHIN: Final = timedelta(seconds=45)  # if no phone reports the alert by then, the next step begins at once
REMIND_TAKER_AFTER: Final = timedelta(minutes=10)  # taken, and nothing done
RELEASE_AFTER: Final = timedelta(minutes=15)  # taken, reminded, and nothing done
MAX_ESCALATION_STEPS: Final = 10
MAX_ESCALATION_ROUNDS: Final = 2
MAX_ESCALATION: Final = timedelta(hours=4)
BACKTEST_WINDOW: Final = timedelta(days=30)  # of concerns that a rule is tried on

# Notifications
PUSH_TTL: Final = timedelta(minutes=10)  # after that a push comes too late to be of use
DAILY_INFO_TTL: Final = timedelta(hours=4)  # a mail server may be away for longer than a customer waits

# Recovery
APPROVAL_TTL: Final = timedelta(minutes=15)  # a customer does not wait for longer
FOLLOW_UP_MAX_AHEAD: Final = timedelta(days=365)
FOLLOW_UP_REMIND_BEFORE: Final = timedelta(minutes=30)
MAX_THANK_YOUS_PER_REQUEST: Final = 200
FEEDBACK_LINK_TTL: Final = timedelta(days=30)
FEEDBACK_DAYS_BETWEEN: Final = 30  # between two requests to one customer, unless the organization says otherwise

# Stores and days
DAY_STARTS_AT: Final = time(4)  # in the store's own zone: 01:30 on Saturday belongs to Friday
MORNING_AFTER: Final = timedelta(
    hours=5
)  # from the start of a business day: when an open store tells what is carried over
MAX_CLOSED_DAYS: Final = 31  # a store that was closed for longer begins with a list, not with the day before
MAX_PAUSE_MINUTES: Final = 5  # that a person may keep their phones silent, unless the store says otherwise
DAY_END_DELAY: Final = timedelta(
    minutes=5
)  # after a business day ends: what was logged in the last moment is there by then
MAX_CARRIED_OVER: Final = 50  # concerns, and as many follow-ups: more than anybody reads in the morning

# Figures
MIN_RATE_DENOMINATOR: Final = 10  # a rate of fewer says nothing about a store, and much about a person
MIN_OUTCOME_SAMPLE: Final = 10  # people; of fewer past outcomes nothing is said: neither true nor private enough
MAX_DUPLICATES: Final = 20  # likely duplicates of one profile that are shown

# Sign-in
SESSION_TTL: Final = timedelta(days=30)
IDEMPOTENCY_KEY_TTL: Final = timedelta(days=30)
