"""Filters of reports must name something that exists within reach: zeros for an unknown name would be published."""

from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.store_groups import make_store_groups
from tests.support.reports import MARCH

REPORTS = ("recovery", "remedies", "causes", "items", "follow-ups", "listening", "alerts")
WITHOUT_CATEGORY = ("follow-ups", "listening")


def asked(app: App, shop: Shop, name: str, by: str = "admin", **query: Any) -> TestResponse:
    return app.request("GET", f"/v1/reports/{name}", (shop, by), query_string={**MARCH, **query})


@pytest.mark.parametrize("name", REPORTS)
def test_a_filter_that_names_nothing_is_refused(app: App, shop: Shop, name: str) -> None:
    for filter_ in ("region_id", "group_id", "store_id"):
        assert_invalid_value(asked(app, shop, name, **{filter_: uuid4()}), "query", f"/{filter_}")
    code = "unknown-field" if name in WITHOUT_CATEGORY else "invalid"
    assert_invalid_value(asked(app, shop, name, category="fod"), "query", "/category", code=code)


def test_what_is_out_of_reach_is_refused_like_what_nobody_has(app: App, shop: Shop) -> None:
    groups = make_store_groups(app.back_office, shop, {"here": [shop.store_id], "there": [shop.other_store_id]})
    stores = app.request("GET", "/v1/stores", (shop, "admin")).json["items"]
    (there,) = (store["region_id"] for store in stores if store["id"] == str(shop.other_store_id))
    mine = {"region_id": shop.region_id, "group_id": groups["here"], "store_id": shop.store_id, "category": "food"}
    elsewhere = {"region_id": there, "group_id": groups["there"], "store_id": shop.other_store_id}
    for login in ("manager", "regional"):
        for name, value in mine.items():
            assert asked(app, shop, "recovery", login, **{name: value}).status_code == 200, (login, name)
        for name, value in elsewhere.items():
            assert_invalid_value(asked(app, shop, "recovery", login, **{name: value}), "query", f"/{name}")
    for name, value in elsewhere.items():
        assert asked(app, shop, "recovery", "reports-key", **{name: value}).status_code == 200, name


def test_what_another_organization_has_is_refused_too(app: App, shop: Shop) -> None:
    stranger = make_shop(app.back_office, "stranger")
    groups = make_store_groups(app.back_office, shop, {"here": [shop.store_id]})
    ours = {"region_id": shop.region_id, "group_id": groups["here"], "store_id": shop.store_id}
    for name, id_ in ours.items():
        assert_invalid_value(asked(app, stranger, "recovery", **{name: id_}), "query", f"/{name}")
