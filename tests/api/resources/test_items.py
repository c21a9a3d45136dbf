"""The catalogue of items over HTTP: concerns add items, a prefix completes them, an admin renames them."""

from typing import Any

from sqlalchemy import select

from models.access import Role
from models.db.change_feed import Change
from models.staff.staff import StaffStore
from tests.support.app import App
from tests.support.assertions import assert_problem, etag_version
from tests.support.factories.concerns import log_concern
from tests.support.factories.full_organization import hire_elsewhere
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import hire


def listed(app: App, shop: Shop, name: str | None = None, by: str = "floor") -> list[Any]:
    answer = app.request("GET", "/v1/items", (shop, by), query_string={"name": name} if name else {})
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json["items"]
    return items


def rename(app: App, shop: Shop, item: Any, name: str, by: str = "admin", version: int | None = None) -> Any:
    headers = {"If-Match": f'"{version or item["version"]}"'}
    return app.request("PATCH", f"/v1/items/{item['id']}", (shop, by), json={"name": name}, headers=headers)


def shown(app: App, shop: Shop, concern: Any, by: str = "floor") -> Any:
    return app.request("GET", f"/v1/concerns/{concern['id']}", (shop, by)).json["items"]


def changes(app: App, shop: Shop) -> int:
    with app.back_office.reading(shop.organization_id) as session:
        return len(session.scalars(select(Change).where(Change.kind == "catalogue_item")).all())


def test_what_a_concern_names_is_completed_for_the_next_one(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, items=[{"name": "Óleo de fígado"}, {"name": "Olives", "quantity": 2}])
    assert first["items"] == [
        {"slug": "oleo-de-figado", "name": "Óleo de fígado", "quantity": 1},
        {"slug": "olives", "name": "Olives", "quantity": 2},
    ]
    assert [item["slug"] for item in listed(app, shop, "OL")] == ["oleo-de-figado", "olives"]
    (found,) = listed(app, shop, "oleo")
    second = log_concern(app, shop, items=[{"slug": found["slug"]}])
    assert second["items"][0]["name"] == "Óleo de fígado"
    assert listed(app, shop, "x") == []


def test_what_is_named_later_enters_the_catalogue_too(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, items=[{"name": "Soup"}])
    headers = {"If-Match": f'"{concern["version"]}"'}
    body = {"items": [{"name": "SOUP", "quantity": 3}, {"name": "Bread"}]}
    path = f"/v1/concerns/{concern['id']}"
    assert app.request("PATCH", path, (shop, "floor"), json=body, headers=headers).status_code == 200
    assert shown(app, shop, concern) == [
        {"slug": "soup", "name": "Soup", "quantity": 3},
        {"slug": "bread", "name": "Bread", "quantity": 1},
    ]
    assert [item["name"] for item in listed(app, shop)] == ["Bread", "Soup"]


def test_a_better_name_shows_on_every_concern(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, items=[{"name": "Sope"}])
    (item,) = listed(app, shop)
    renamed = rename(app, shop, item, "Sopa")
    assert (renamed.json["slug"], renamed.json["name"], etag_version(renamed)) == ("sope", "Sopa", 2)
    assert shown(app, shop, concern) == [{"slug": "sope", "name": "Sopa", "quantity": 1}]
    assert listed(app, shop, "sopa") == [renamed.json]
    assert_problem(rename(app, shop, item, "Soppa", version=1), 412, "stale-version")


def test_names_that_staff_typed_are_not_for_head_office(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, items=[{"name": "Soup"}])
    assert shown(app, shop, concern, "hq") == [{"slug": None, "name": None, "quantity": 1}]
    assert_problem(app.request("GET", "/v1/items", (shop, "hq")), 403, "forbidden")
    (item,) = listed(app, shop, by="manager")
    assert_problem(rename(app, shop, item, "Broth", by="floor"), 403, "forbidden")


def test_a_manager_confirms_a_name_by_a_tick_or_a_better_name(app: App, shop: Shop) -> None:
    log_concern(app, shop, items=[{"name": "Soup"}, {"name": "He shouts"}, {"name": "Bread"}])
    bread, rude, soup = listed(app, shop)
    assert not any(item["confirmed"] for item in (bread, rude, soup))
    path, headers = f"/v1/items/{soup['id']}", {"If-Match": '"1"'}
    confirmed = app.request("PATCH", path, (shop, "manager"), json={"confirmed": True}, headers=headers)
    assert (confirmed.json["confirmed"], etag_version(confirmed)) == (True, 2)
    assert rename(app, shop, rude, "Fish", by="manager").json["confirmed"]
    for wanted, names in (("true", ["Fish", "Soup"]), ("false", ["Bread"])):
        answer = app.request("GET", "/v1/items", (shop, "manager"), query_string={"confirmed": wanted})
        assert [item["name"] for item in answer.json["items"]] == names
    headers = {"If-Match": '"2"'}
    taken_back = app.request("PATCH", path, (shop, "manager"), json={"confirmed": False}, headers=headers)
    assert (taken_back.json["confirmed"], taken_back.json["version"]) == (False, 3)


def test_managers_change_what_concerns_of_their_own_stores_name_and_the_administrator_everything(
    app: App, shop: Shop
) -> None:
    there = {"store_id": str(shop.other_store_id)}
    log_concern(app, shop, items=[{"name": "Soup"}])
    log_concern(app, shop, "elsewhere", items=[{"name": "Fish"}], **there)
    taken_back = log_concern(app, shop, "elsewhere", items=[{"name": "Typo"}], **there)
    headers = {"If-Match": f'"{taken_back["version"]}"'}
    path = f"/v1/concerns/{taken_back['id']}"
    assert app.request("PATCH", path, (shop, "elsewhere"), json={"items": []}, headers=headers).status_code == 200
    for login, role in (("manager-there", Role.MANAGER), ("regional-there", Role.REGIONAL)):
        _, shop.tokens[login] = hire_elsewhere(app, shop, login, role)
    hire(app.back_office, shop, "of-both", role=Role.MANAGER, at=app.clock())
    with app.back_office.writing(shop.organization_id) as session:
        session.add(StaffStore(staff_id=shop.staff["of-both"], store_id=shop.other_store_id))
    items = {item["name"]: item for item in listed(app, shop)}
    assert set(items) == {"Fish", "Soup", "Typo"}

    def changed_by(login: str) -> set[str]:
        """Whose names they confirm and take back; what they may not change is not there, whatever they send."""
        assert listed(app, shop, by=login) == listed(app, shop), "everybody completes what they type by all names"
        may = set()
        for name, item in items.items():
            address, by = f"/v1/items/{item['id']}", (shop, login)
            answer = app.request("PATCH", address, by, json={"confirmed": False}, headers={"If-Match": "*"})
            if answer.status_code == 200:
                may.add(name)
                continue
            for body, version in (({"confirmed": True}, "*"), ({"name": 1}, "*"), ({"name": "Mine"}, '"9"')):
                answer = app.request("PATCH", address, by, json=body, headers={"If-Match": version})
                assert_problem(answer, 404, "not-found")
        return may

    assert {login: changed_by(login) for login in ("manager", "regional", "manager-there", "regional-there")} == {
        "manager": {"Soup"},
        "regional": {"Soup"},
        "manager-there": {"Fish"},
        "regional-there": {"Fish"},
    }
    assert changed_by("of-both") == {"Fish", "Soup"}
    assert changed_by("admin") == {"Fish", "Soup", "Typo"}
    log_concern(app, shop, "elsewhere", items=[{"name": "Soup"}], **there)
    assert changed_by("manager-there") == changed_by("regional-there") == {"Fish", "Soup"}


def test_the_catalogue_is_each_organizations_own(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    log_concern(app, shop, items=[{"name": "Soup"}])
    (item,) = listed(app, shop)
    assert listed(app, other) == []
    assert_problem(rename(app, other, item, "Mine"), 404, "not-found")


def test_a_new_item_reaches_phones_by_the_change_feed(app: App, shop: Shop) -> None:
    before = changes(app, shop)
    log_concern(app, shop, items=[{"name": "Soup"}])
    log_concern(app, shop, items=[{"name": "Soup"}])
    assert changes(app, shop) - before == 1


def test_what_only_something_sensitive_named_is_found_by_those_who_may_read_that(app: App, shop: Shop) -> None:
    ramp = [{"name": "Ramp for wheelchairs"}]
    hidden = log_concern(app, shop, sensitive=True, items=ramp)
    (found,) = listed(app, shop, "ramp", by="manager")
    assert listed(app, shop, "ramp") == []
    assert app.request("GET", f"/v1/items/{found['id']}", (shop, "colleague")).status_code == 404
    assert shown(app, shop, hidden)[0]["name"] == "Ramp for wheelchairs"
    headers = {"If-Match": f'"{hidden["version"]}"'}
    more = {"items": [*ramp, {"name": "Ramp, the old one"}]}
    assert (
        app.request("PATCH", f"/v1/concerns/{hidden['id']}", (shop, "floor"), json=more, headers=headers).status_code
        == 200
    )
    assert listed(app, shop, "ramp") == []
    log_concern(app, shop, items=ramp)
    assert [item["name"] for item in listed(app, shop, "ramp")] == ["Ramp for wheelchairs"]


def test_an_item_is_completed_from_the_middle_of_a_word_the_best_match_first(app: App, shop: Shop) -> None:
    names = ["Sopa de limão", "Limonada", "Limão (Onadas)", "Onda", "Água 100%", "Sal-onado"]
    log_concern(app, shop, items=[{"name": name} for name in names])

    def matching(q: str, **query: Any) -> list[str]:
        answer = app.request("GET", "/v1/items", (shop, "floor"), query_string={"q": q, **query})
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json["items"]]

    assert matching("onad") == ["Limão (Onadas)", "Sal-onado", "Limonada"]
    assert matching("LIMÃO") == matching("limao") == ["Limão (Onadas)", "Sopa de limão"]
    assert matching("lim") == ["Limão (Onadas)", "Limonada", "Sopa de limão"]
    assert matching("de lim") == ["Sopa de limão"]
    assert (matching("%"), matching("_"), matching("x")) == (["Água 100%"], [], [])
    assert matching("lim", name="limo") == ["Limonada"]
    paged, cursor = [], {}
    for _ in range(3):
        page = app.request("GET", "/v1/items", (shop, "floor"), query_string={"q": "lim", "limit": 1, **cursor}).json
        paged += [item["name"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert (paged, cursor["cursor"]) == (matching("lim"), None)
    assert app.request("GET", "/v1/items?q=", (shop, "floor")).status_code == 422
