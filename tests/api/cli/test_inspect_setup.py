"""The command `inspect`."""

import json

from tests.support.app import App, commands_of
from tests.support.factories.organizations import Shop, make_shop


def test_it_lists_what_will_hurt_and_ends_with_1(app: App, shop: Shop):
    make_shop(app.back_office, "other")
    result = commands_of(app)("inspect")
    by_organization = json.loads(result.stdout)
    assert result.exit_code == 1
    assert by_organization.keys() == {"acme", "other"}
    assert {"code": "no-places", "store": "second"}.items() <= next(
        finding for finding in by_organization["acme"] if finding["code"] == "no-places"
    ).items()


def test_it_inspects_one_organization_alone(app: App, shop: Shop):
    make_shop(app.back_office, "other")
    assert json.loads(commands_of(app)("inspect", "--organization", "other").stdout).keys() == {"other"}


def test_an_unknown_organization_is_refused_in_one_line(app: App, shop: Shop):
    result = commands_of(app)("inspect", "--organization", "nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: There is no organization 'nobody'.\n")


def test_an_empty_database_has_nothing_to_find(app: App):
    result = commands_of(app)("inspect")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {})
