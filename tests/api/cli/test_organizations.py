"""The commands that make an organization, which is then used over the API."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from tests.support.app import App

PASSWORD = "a-password-of-mine"
Command = Callable[..., Result]
STORE = shlex.split(
    "store create --organization acme --region centre --region-name Centre --slug one --name One --kind retail"
    " --time-zone Europe/Lisbon --country PT --currency EUR"
)
STAFF = shlex.split("staff create --organization acme --login ana --name Ana --role floor --store one --password-stdin")
KEY = shlex.split("api-key create --organization acme --name till --scope concerns:read")
ADMIN = shlex.split("organization create --slug acme --name Acme --admin-login boss --admin-password-stdin")


@pytest.fixture
def command(app: App) -> Command:
    def run(*words: str, stdin: str = f"{PASSWORD}\n") -> Result:
        return app.flask.test_cli_runner().invoke(args=words, input=stdin)

    return run


def made(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_what_is_made_on_the_command_line_works_over_the_api(app: App, command: Command):
    made(command(*ADMIN))
    store = made(command(*STORE, "--place", "Aisle 1", "--place", "Caixa nº 3"))["store"]
    made(command(*STAFF))
    key = made(command("api-key", "create", "--organization", "acme", "--name", "till", "--scope", "concerns:read"))[
        "token"
    ]

    body = {"organization": "acme", "login": "ana", "password": PASSWORD}
    token = app.request("POST", "/v1/sessions", json=body).json["token"]
    concern_body = {
        "mood": 1,
        "store_id": store["id"],
        "place": "caixa-no-3",
        "category": "waiting-time",
        "cause": "long-queue",
        "question": "what-happened",
        "recovery_actions": [{"remedy": "apology"}],
    }
    headers = {"Authorization": f"Bearer {token}"}
    logged = app.request("POST", "/v1/concerns", json=concern_body, headers=headers)
    assert logged.status_code == 201, logged.text

    seen = app.request("GET", "/v1/concerns", headers={"Authorization": f"Bearer {key}"})
    assert [concern["id"] for concern in seen.json["items"]] == [logged.json["id"]]


def key_command(name: str, *words: str) -> list[str]:
    return ["api-key", name, "--organization", "acme", *words]


def status(app: App, token: str, path: str = "/v1/stores") -> int:
    return app.request("GET", path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_key_of_the_command_line_is_limited_listed_and_revoked(app: App, command: Command):
    made(command(*ADMIN))
    store = made(command(*STORE))["store"]
    other = made(command(*changed(STORE, slug="two")))["store"]
    options = ["--scope", "concerns:read", "--store", "one", "--expires", "2026-12-31"]
    answer = made(command(*key_command("create", "--name", "till", *options)))
    key, token = answer["api_key"], answer["token"]
    assert (key["name"], key["scopes"], key["store_ids"]) == ("till", ["concerns:read"], [store["id"]])
    assert (key["created_by"], key["expires_at"]) == (None, "2026-12-31T00:00:00Z")
    assert [status(app, token, f"/v1/stores/{it['id']}") for it in (store, other)] == [200, 404]
    app.clock.move(seconds=1)
    newer = made(command(*key_command("create", "--name", "BI", "--scope", "reports:read")))["api_key"]

    listed = command(*key_command("list"))
    assert made(listed) == {"api_keys": [newer, {**key, "last_used_at": "2026-03-03T12:00:00Z"}]}
    assert (newer["store_ids"], newer["expires_at"], newer["revoked_at"]) == (None, None, None)
    assert "token" not in listed.stdout
    for _ in range(2):
        revoked = made(command(*key_command("revoke", key["id"])))["api_key"]
        assert revoked["revoked_at"] == "2026-03-03T12:00:01Z"
    assert status(app, token) == 401
    assert [key["revoked_at"] is None for key in made(command(*key_command("list")))["api_keys"]] == [True, False]


def test_a_key_expires_at_a_time_with_an_offset(command: Command):
    made(command(*ADMIN))
    options = ["--scope", "reports:read", "--expires", "2026-12-31T18:00+01:00"]
    key = made(command(*key_command("create", "--name", "BI", *options)))["api_key"]
    assert key["expires_at"] == "2026-12-31T17:00:00Z"


def test_somebody_for_every_role_can_be_hired(command: Command):
    made(command(*ADMIN))
    made(command(*STORE))
    for role, belongs in {
        "manager": ["--store", "one"],
        "regional": ["--region", "centre"],
        "head_office": [],
        "admin": [],
    }.items():
        words = ["staff", "create", "--organization", "acme", "--login", role.replace("_", "-"), "--name", role]
        hired = made(command(*words, "--role", role, *belongs, "--password-stdin"))["staff"]
        assert hired["role"] == role


def changed(words: list[str], **options: str) -> list[str]:
    """The words with the values of some options replaced."""
    copy = list(words)
    for name, value in options.items():
        copy[copy.index(f"--{name.replace('_', '-')}") + 1] = value
    return copy


REFUSED = {
    "the organization exists": (ADMIN, "There is an organization 'acme' already."),
    "a slug with a space": (changed(ADMIN, slug="ac me"), "'ac me' does not fit"),
    "a login with a space": (changed(ADMIN, slug="new", admin_login="the boss"), "'the boss' does not fit"),
    "no such organization": (changed(STORE, organization="nobody"), "There is no organization 'nobody'."),
    "the store exists": (STORE, "There is a store 'one' already."),
    "no such zone": (changed(STORE, slug="two", time_zone="Europe/Lisboa"), "is no time zone"),
    "no such country": (changed(STORE, slug="two", country="Portugal"), "is no country code"),
    "no such currency": (changed(STORE, slug="two", currency="euro"), "is no currency code"),
    "a currency that nobody has": (changed(STORE, slug="two", currency="ABC"), "'ABC' is no currency code"),
    "a currency with a line break": (changed(STORE, slug="two", currency="EUR\n"), "is no currency code"),
    "the zone of the server": (changed(STORE, slug="two", time_zone="localtime"), "'localtime' is no time zone"),
    "a zone of nowhere": (changed(STORE, slug="two", time_zone="Factory"), "'Factory' is no time zone"),
    "a slug with a line break": (changed(ADMIN, slug="new\n"), "does not fit"),
    "another name for the region": (changed(STORE, slug="two", region_name="Middle"), "is called 'Centre'"),
    "two places of one name": ([*changed(STORE, slug="two"), "--place", "Bar", "--place", "bar"], "Two places"),
    "a place without letters or digits": ([*changed(STORE, slug="two"), "--place", "-"], "does not fit"),
    "no such store": (changed(STAFF, login="rui", store="nine"), "This organization has no store 'nine'."),
    "a key for no such store": ([*KEY, "--store", "nine"], "This organization has no store 'nine'."),
    "a key that has expired": ([*KEY, "--expires", "2026-03-03"], "A key cannot expire before it is made."),
    "an export of one store": ([*KEY, "--scope", "exports:read", "--store", "one"], "cannot be limited to stores"),
    "no such key": (
        ["api-key", "revoke", "--organization", "acme", "01a2057b-741c-7631-8cca-22605be163db"],
        "This organization has no API key 01a2057b-741c-7631-8cca-22605be163db",
    ),
    "the login exists": (STAFF, "Somebody has the login 'ana' already."),
    "floor staff without a store": ([*changed(STAFF, login="rui")[:-3], "--password-stdin"], "needs a store"),
}


def test_a_refusal_is_one_line_that_says_why(command: Command, subtests):
    for words in (ADMIN, STORE, STAFF):
        made(command(*words))
    for name, (words, why) in REFUSED.items():
        with subtests.test(name):
            refused = command(*words)
            assert (refused.exit_code, refused.stdout) == (1, "")
            assert refused.stderr.startswith("Error: ")
            assert why in refused.stderr
            assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        [*STORE, "--day-starts-at", "25:00"],
        changed(STORE, kind="kiosk"),
        changed(STAFF, role="owner"),
        STAFF[:-1],
        ADMIN[:-1],
        ["api-key", "create", "--organization", "acme", "--name", "BI", "--scope", "everything"],
        [*KEY, "--expires", "tomorrow"],
        [*KEY, "--expires", "2027-01-31T18:00"],
        ["api-key", "revoke", "--organization", "acme", "till"],
    ],
)
def test_a_wrong_option_is_explained(command: Command, words):
    refused = command(*words)

    assert refused.exit_code == 2
    assert "Error: " in refused.stderr


@pytest.mark.parametrize("stdin", ["", "short\n"])
def test_a_password_has_to_be_long_enough(command: Command, stdin):
    refused = command(*ADMIN, stdin=stdin)

    assert (refused.exit_code, refused.stderr) == (1, "Error: A password needs at least 10 characters.\n")


def test_a_password_has_to_be_as_long_as_the_organization_wants(app: App, command: Command):
    made(command(*ADMIN))
    made(command(*STORE))
    body = {"organization": "acme", "login": "boss", "password": PASSWORD}
    headers = {"Authorization": f"Bearer {app.request('POST', '/v1/sessions', json=body).json['token']}"}
    wanted, headers = {"password_min_length": 12}, {**headers, "If-Match": "*"}
    assert app.request("PATCH", "/v1/organization", json=wanted, headers=headers).status_code == 200
    refused = command(*STAFF, stdin="11 symbols!\n")
    assert (refused.exit_code, refused.stderr) == (1, "Error: A password needs at least 12 characters.\n")
    made(command(*STAFF, stdin="12 symbols !\n"))
    made(command(*changed(ADMIN, slug="other"), stdin="10 symbols\n"))


def test_an_organization_whose_founding_fails_is_not_there(command: Command):
    assert command(*changed(ADMIN, admin_login="THE BOSS")).exit_code == 1

    made(command(*ADMIN))


@pytest.mark.parametrize(
    "words",
    [
        changed(ADMIN, name=" "),
        [*ADMIN, "--admin-name", ""],
        changed(STORE, name="\u200b"),
        changed(STORE, region_name=" "),
        [*STORE, "--place", "\u200b"],
        changed(STAFF, name=""),
        changed(KEY, name=" "),
        ["organization", "rescue", "--organization", "acme", "--name", " "],
    ],
    ids=["name", "admin-name", "store", "region-name", "place", "staff", "key", "rescue"],
)
def test_a_name_has_something_to_see(command: Command, words: list[str]):
    refused = command(*words)
    assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
    assert "Length must be between 1 and" in refused.stderr or "nothing to see" in refused.stderr


def test_logins_and_slugs_are_stored_and_found_in_lower_case(command: Command):
    created = made(command(*changed(ADMIN, slug="Acme", admin_login="Boss", name=" Acme\u0301 ")))
    assert (created["organization"]["slug"], created["admin"]["login"]) == ("acme", "boss")
    assert created["organization"]["name"] == "Acm\u00e9"
    assert made(command(*changed(STORE, organization="ACME")))["store"]["slug"] == "one"
