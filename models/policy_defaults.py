"""Product decisions in numbers: durations, counts and thresholds. The code reads each of them from here only."""

from datetime import time, timedelta
from typing import Final

# Concerns
VOID_BY_REPORTER_WITHIN: Final = timedelta(minutes=10)  # later a manager takes back what was logged by mistake
UNHAPPY_MOOD: Final = 2  # a mood (1-5) of this or less
VERY_UNHAPPY_MOOD: Final = 1  # rings as severe, unless the organization decides otherwise
# A mood (1-5) of this or more. What a customer writes at a QR code with such a mood is praise, and they left happy.
CONTENT_MOOD: Final = 4
# Between what happened and its logging. After that the customer has gone: inform, do not ring.
LATE_AFTER: Final = timedelta(minutes=15)
MAX_CONCERN_AGE: Final = timedelta(days=30)  # an older `occurred_at` of a phone is moved to this bound
MAX_CLOCK_AHEAD: Final = timedelta(minutes=5)  # a later `occurred_at` of a phone is moved to this bound
AS_TYPED_TTL: Final = timedelta(days=30)  # what was typed and could not stand is kept for so long
PREVIOUS_CONCERN_WINDOW: Final = timedelta(days=365)  # an older concern of the same customer is not linked
KNOWN_CUSTOMER_WINDOW: Final = timedelta(days=366)  # a contact used in a store since then is that of whom it knows
SAME_VISIT: Final = timedelta(hours=12)  # what is logged of one contact within this may be one mistake
SECOND_FAILURE_WINDOW: Final = timedelta(days=30)  # a second concern of one customer within this is a second failure
MAX_RULE_MEMORY_DAYS: Final = 365  # upper bound of an alert rule's `repeat_within_days`

# Escalation of alerts, counted from the start of the run
LEAD_AFTER: Final = timedelta(minutes=2)
MANAGERS_AFTER: Final = timedelta(minutes=5)
REGIONAL_AFTER: Final = timedelta(minutes=10)  # severe alerts only
UNANSWERED_AFTER: Final = timedelta(minutes=20)
REACH_WITHIN: Final = timedelta(seconds=45)  # if no phone reports the alert by then, the next step begins at once
REMIND_TAKER_AFTER: Final = timedelta(minutes=10)  # the concern is taken, and nothing was done
RELEASE_AFTER: Final = timedelta(minutes=15)  # the concern is taken, its taker was reminded, and nothing was done
MAX_ESCALATION_STEPS: Final = 10
MAX_ESCALATION_ROUNDS: Final = 2
MAX_ESCALATION: Final = timedelta(hours=4)
MAX_PHONES_PER_STEP: Final = 100  # rung by one step of an alert, and told of one thing
BACKTEST_WINDOW: Final = timedelta(days=30)  # the past concerns that a rule is tried on

# What one person or key could make without end. Concerns have no bound: they are never refused.
MAX_ALERT_RULES: Final = 100
MAX_STORE_GROUPS: Final = 500
# Beyond it nothing is noted, given, promised or edited; somebody may still take, resolve and void it.
MAX_STEPS_OF_CONCERN: Final = 300
MAX_FOLLOW_UPS_OF_CONCERN: Final = 30
MAX_REPORT_DAYS: Final = 1_100  # of a report, and of the list of daily logs
LOG_LIST_PERIOD: Final = timedelta(days=92)  # which days are listed where nobody says since when
MAX_SEARCH_DAYS: Final = 92  # in which concerns are searched for words, of one store
MAX_SEARCH_WORDS: Final = 5
MAX_CHANGES_FOLLOWED: Final = 100_000  # beyond so many changes of the organization a phone reads its list anew
MAX_AMENDMENTS: Final = 50  # of one signed day
MAX_FIXES: Final = 2_000  # recorded in an organization within a year
MAX_SHIFTS_PER_DAY: Final = 30  # that one person begins within 24 hours
MAX_CHECKS_PER_PLACE: Final = 6  # recorded in a store within an hour, for each of its places
ODD_CHECK: Final = 20  # a tap for so many at once, or more, is marked in the log of the day
MIN_PLACES_FOR_CHECKS: Final = 20  # a store with fewer places counts as one with so many
MAX_MERGES_OF_CUSTOMER: Final = 100  # into one customer, with those that were undone
MAX_INSTALLATIONS: Final = 50  # of one person, with those that are not rung any more; then the oldest is written over
MAX_QR_CODES_EVER: Final = 20_000  # of one store, with the withdrawn ones
MAX_API_KEYS_EVER: Final = 1_000  # of an organization, with revoked ones

# Notifications
PUSH_TTL: Final = timedelta(minutes=10)  # a later push is of no use
DAILY_INFO_TTL: Final = timedelta(hours=4)  # a mail server may be away for that long, and the mail is still of use
NOTIFICATIONS_SHOWN_FOR: Final = timedelta(days=14)  # to whom they were for, since they were queued
MAX_UNREAD: Final = 100  # a phone shows 99+

# Recovery
APPROVAL_TTL: Final = timedelta(minutes=15)  # a customer does not wait any longer
# What may be given without asking where nobody has set another limit: in these currencies, in minor units, for each
# remedy that costs something. Any other currency has no limits until somebody sets them, and everything asks first.
DEFAULT_LIMIT_CURRENCIES: Final = frozenset({"EUR", "GBP", "USD"})
FLOOR_LIMIT_PER_CUSTOMER: Final = 2_500  # and business day, as all of these
FLOOR_LIMIT_PER_STAFF: Final = 10_000
MANAGER_LIMIT_PER_CUSTOMER: Final = 15_000  # and of regional managers
MANAGER_LIMIT_PER_STAFF: Final = 60_000
KEY_BUDGET_PER_DAY: Final = 10_000  # of one API key, of all remedies together
KEY_BUDGET_PER_ORDER: Final = 2_500
MAX_KEY_BUDGETS: Final = 10  # of one key, one in each currency
MAX_PER_ACTION: Final = 15_000  # no role gives more at once unless somebody else approves
STORE_LIMIT_PER_DAY: Final = 50_000  # of all remedies and people together
# After hours, where nobody could approve: for so much in a business day a store acts first.
ACT_FIRST_AFTER_HOURS: Final = 10_000
# Whoever was given something on so many days within this time asks for approval, whatever the sum.
REPEATED_GIVING_DAYS: Final = 3
REPEATED_GIVING_WINDOW: Final = timedelta(days=90)
MAX_STORE_LIMITS: Final = 10  # of one store, one in each currency
FOLLOW_UP_MAX_AHEAD: Final = timedelta(days=365)
FOLLOW_UP_REMIND_BEFORE: Final = timedelta(minutes=30)
MAX_THANK_YOUS_PER_REQUEST: Final = 200
GUEST_PAGE_TTL: Final = timedelta(hours=4)  # the page on which a guest sees how their call goes
GUEST_PAGE_REFRESH: Final = timedelta(seconds=10)
FEEDBACK_LINK_TTL: Final = timedelta(days=30)
PROMOTER_FROM: Final = 9  # of 10, how likely somebody is to recommend the store
PASSIVE_FROM: Final = 7  # below that, a detractor
SUSPECT_ANSWER_WITHIN: Final = timedelta(seconds=30)  # of the link, from the same address and browser
FEEDBACK_DAYS_BETWEEN: Final = 30  # between two requests to one customer, unless the organization sets another number

# The organization
MAX_LANGUAGES: Final = 20  # of the organization, and of the names of one place or word
MAX_REGIONS: Final = 1_000
MAX_PLACES: Final = 2_000  # in use in one store
MAX_PLACES_EVER: Final = 10_000  # of one store, with the retired ones, and as many former slugs
MAX_QR_CODES: Final = 5_000  # of one store, without the withdrawn ones

# The vocabulary, with retired and merged words
MAX_CATEGORIES: Final = 300
MAX_CAUSES: Final = 100  # of one category
MAX_QUESTIONS: Final = 500
MAX_REMEDIES: Final = 200
MAX_CATALOGUE_ITEMS: Final = 20_000  # beyond it a new item of a concern stays as it was typed
MAX_NEW_ITEMS_PER_DAY: Final = 100  # of the catalogue, named by one person or key within 24 hours
MAX_SLUG_ALIASES: Final = 50  # former slugs of one word that is given another one
# Until after a merge nobody can still write the merged word: transactions that read it before have ended by then.
MERGE_SETTLES_AFTER: Final = timedelta(minutes=5)

# Stores and days
MAX_STORES: Final = 10_000  # of an organization
RECORDED_DAYS: Final = (3_660, 31)  # how far back and ahead of today figures and notes of a day may be written
MAX_TERMS_CHANGES: Final = 100  # of a store's zone, day start and currency
DAY_STARTS_AT: Final = time(4)  # in the store's own zone: 01:30 on Saturday belongs to Friday
# From the start of a business day: when an open store is informed of what is carried over.
MORNING_AFTER: Final = timedelta(hours=5)
MAX_CLOSED_DAYS: Final = 31  # a store that was closed for longer starts with a list instead of the day before
MAX_PAUSE_MINUTES: Final = 5  # how long a person may silence their phones, unless the store sets another number
# After a business day ends, so that concerns logged in the last moment have arrived.
DAY_END_DELAY: Final = timedelta(minutes=5)
MAX_CARRIED_OVER: Final = 50  # concerns, and as many follow-ups: more than anybody reads in the morning

# Figures
MIN_PEOPLE_OF_SPLIT: Final = 3  # on shift in an hour (or on a weekday) of a store and month that reports show
# Of unhappy concerns: resolved so soon by whoever logged them, or corrected up by so many steps, they may be made up.
QUICK_OWN_WITHIN: Final = timedelta(minutes=2)
CORRECTED_UP_STEPS: Final = 2
MIN_RATE_DENOMINATOR: Final = 10  # a rate of fewer says nothing about a store, and much about a person
MIN_OUTCOME_SAMPLE: Final = 10  # people; past outcomes of fewer are neither reliable nor private enough to show
MAX_DUPLICATES: Final = 20  # likely duplicates shown for one profile
# Contacts, by whatever request: whoever names one may learn whose it is.
CONTACTS_WINDOW: Final = timedelta(minutes=1)
MAX_CONTACTS_OF_PERSON: Final = 20  # or of an API key
MAX_CONTACTS_OF_STORE: Final = 60  # by all who work there
MAX_MEETINGS_PER_DAY: Final = 20  # by one person: customers of other stores of whom they say 'they are here'
MAX_NAMESAKES: Final = 10  # profiles that a search by name or by the end of a phone number shows
MIN_NAME_LETTERS: Final = 3  # of one word of the name that is searched for
MIN_PHONE_END_DIGITS: Final = 6

# People
MAX_STAFF: Final = 50_000  # who work in one organization
MAX_STORES_OF_PERSON: Final = 200  # that they are listed at; each of their requests reads them all
MAX_REGIONS_OF_PERSON: Final = 100
MAX_LEAVE_AHEAD: Final = timedelta(days=366)  # how far ahead a leave may be planned
# After a leave: what a request that began before it still gave to the person is found and handed over.
LEAVE_SETTLES_AFTER: Final = timedelta(minutes=10)
INVITATION_TTL: Final = timedelta(hours=24)
MAX_CODES_PER_DAY: Final = 20  # made for one person, without those by mail
# Whoever made a code for somebody could use it themselves, so for so long they decide nothing that person asks for.
CODE_MAKER_WAITS: Final = timedelta(hours=24)

# Shifts
LONGEST_SHIFT: Final = timedelta(hours=16)  # beyond it only what the person does keeps it going, not what they took
# Whoever names no store and works in several means that of their last shift, if it is no longer ago.
LAST_SHIFT_WINDOW: Final = timedelta(days=30)
NEXT_DAY_SHIFT: Final = timedelta(hours=3)  # a shift that began so long before the day's end counts for the next day
SHIFT_IDLE: Final = timedelta(minutes=30)  # no shift ends by itself within this time after the person did something
STILL_HERE_BEFORE: Final = timedelta(minutes=15)  # the end of a shift: then the phone asks `still here?`
STILL_HERE_EXTENDS: Final = timedelta(hours=2)  # what the answer gives, from the answer on

# Sign-in
# Of one web process, with the one whose turn it is: whose password is checked. Fewer where it has few threads.
STRANGERS_IN_QUEUE: Final = 3
KNOWN_PHONES_IN_QUEUE: Final = 4
DEVICE_PROOF_TTL: Final = timedelta(days=180)  # so long a phone is known to have signed its person in
SESSION_DAYS: Final = 30  # unless the organization sets another number
PASSWORD_MIN_LENGTH: Final = 10  # characters, unless the organization sets another number
# Whoever signs in on a shared phone so long before they check in is rung on it during their shift.
SIGN_IN_BEFORE_SHIFT: Final = timedelta(hours=1)
RECENT_SIGN_IN: Final = timedelta(minutes=10)  # roles, keys, second factors and imports need a younger sign-in
MAX_SIGN_INS: Final = 50  # of a person at once; the oldest ends
# The longest sign-ins of these roles, whatever the organization sets: from the sign-in, and from the last use.
HEAD_OFFICE_SIGN_IN: Final = timedelta(days=7)
HEAD_OFFICE_SIGN_IN_IDLE: Final = timedelta(hours=24)
ADMIN_SIGN_IN: Final = timedelta(hours=12)
ADMIN_SIGN_IN_IDLE: Final = timedelta(hours=2)
RECOVERY_CODES: Final = 10  # of a second factor, for whoever has lost their phone
LOCK_AFTER: Final = timedelta(minutes=10)  # without a tap, on a shared phone
ENROLMENT_TTL: Final = timedelta(hours=24)  # of the code that makes a phone a shared one
MAX_SHARED_PHONES: Final = 50  # of one store, with the codes that were not used yet
MAX_PERSONAL_PHONES: Final = 10  # of one person, with an address
PHONE_RETIRES_AFTER: Final = timedelta(days=30)  # a personal phone that was not used for so long
MAX_FAILED_PINS: Final = 10  # on one shared phone within the window; then it asks for a manager's password
FAILED_PINS_WINDOW: Final = timedelta(hours=12)  # from the first one, unless there were too many
LAST_SEEN_RESOLUTION: Final = timedelta(minutes=1)  # how exactly it is recorded when a token was last used
MAX_API_KEYS: Final = 100  # of an organization, without revoked ones
MAX_STORES_OF_API_KEY: Final = 1_000  # each request of such a key reads them all
KEY_OVERLAP_HOURS: Final = 24  # after a rotation the former secret is accepted for so long, unless another is asked for
MAX_KEY_OVERLAP_HOURS: Final = 168
IDEMPOTENCY_KEY_TTL: Final = timedelta(days=30)

# Imports
MAX_IMPORT_BYTES: Final = 8 * 1024 * 1024
MAX_IMPORT_LINES: Final = 20_000  # below the header
