"""Names of categories and places where staff read, in the language of whoever asks."""

from uuid import UUID

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

UNKNOWN = UUID(int=1)


def test_the_names_of_words_and_places_are_in_the_language_of_whoever_asks(app: App, shop: Shop) -> None:
    admin, headers = (shop, "admin"), {"If-Match": "*"}
    category = app.request("GET", "/v1/categories", admin).json["items"][0]
    named = {"names": {"pt-BR": "Comida", "es": "Platos"}}
    address = f"/v1/categories/{category['id']}"
    assert app.request("PATCH", address, admin, json=named, headers=headers).status_code == 200
    place = app.request("GET", f"/v1/stores/{shop.store_id}/places", (shop, "manager")).json["items"][0]
    address = f"/v1/stores/{shop.store_id}/places/{place['id']}"
    changed = app.request("PATCH", address, (shop, "manager"), json={"names": {"pt": "Mesa 12"}}, headers=headers)
    assert changed.status_code == 200
    concern = log_concern(app, shop, category=category["slug"], place=place["slug"])
    reads = (f"/v1/concerns/{concern['id']}", f"/v1/alerts/{concern['alert']['id']}")
    for language, expected in {
        "pt-BR": ("Comida", "Mesa 12"),
        "es, pt;q=0.5": ("Platos", "Mesa 12"),
        "fr": (category["name"], place["name"]),
        "en, pt;q=0.5": (category["name"], place["name"]),
    }.items():
        for path in reads:
            answer = app.request("GET", path, (shop, "floor"), headers={"Accept-Language": language}).json
            assert (answer["category_name"], answer["place_name"]) == expected, (path, language)
    assert (log_concern(app, shop)["category_name"], log_concern(app, shop)["place_name"]) == (None, None)


def test_the_organizations_own_language_is_one_of_those_that_are_looked_for(app: App, shop: Shop) -> None:
    """A browser in Portuguese sends English behind it: the Portuguese name comes before the English one."""
    admin, headers = (shop, "admin"), {"If-Match": "*"}
    organization = {"languages": ["pt-PT"]}
    assert app.request("PATCH", "/v1/organization", admin, json=organization, headers=headers).status_code == 200
    category = app.request("GET", "/v1/categories", admin).json["items"][0]
    named = {"name": "Comida", "names": {"en": "Food", "pt": "Pratos"}}
    path = f"/v1/categories/{category['id']}"
    assert app.request("PATCH", path, admin, json=named, headers=headers).status_code == 200
    concern = log_concern(app, shop, category=category["slug"])
    for language, expected in {"pt-PT, pt;q=0.9, en;q=0.7": "Comida", "pt-BR, en": "Pratos", "en": "Food"}.items():
        for reader in ("floor", "key"):
            path, speaks = f"/v1/concerns/{concern['id']}", {"Accept-Language": language}
            assert app.request("GET", path, (shop, reader), headers=speaks).json["category_name"] == expected


def test_a_person_reads_in_the_language_they_chose(app: App, shop: Shop) -> None:
    floor, headers = (shop, "floor"), {"If-Match": "*", "Accept-Language": "en"}
    concern = log_concern(app, shop)
    chosen = app.request("PATCH", "/v1/me", floor, json={"language": "pt-BR"}, headers=headers)
    assert chosen.json["language"] == "pt-BR"
    refused = app.request("GET", f"/v1/concerns/{UNKNOWN}", floor, headers=headers)
    assert (refused.headers["Content-Language"], refused.json["title"]) == ("pt", "Isso não existe")
    read = app.request("GET", f"/v1/concerns/{concern['id']}", floor, headers=headers).json
    assert read["alert"]["summary"] == "a pedir ajuda"
    others = app.request("GET", f"/v1/concerns/{UNKNOWN}", (shop, "colleague"), headers=headers)
    assert others.headers["Content-Language"] == "en"
    assert app.request("PATCH", "/v1/me", floor, json={"language": "no tag"}, headers=headers).status_code == 422
    gone = app.request("PATCH", "/v1/me", floor, json={"language": None}, headers=headers)
    assert gone.json["language"] is None
    assert app.request("GET", f"/v1/concerns/{UNKNOWN}", floor, headers=headers).headers["Content-Language"] == "en"


def test_another_language_of_ones_own_is_another_home(app: App, shop: Shop) -> None:
    floor = (shop, "floor")
    home = app.request("GET", "/v1/me/home", floor)
    app.request("PATCH", "/v1/me", floor, json={"language": "pt"}, headers={"If-Match": "*"})
    again = app.request("GET", "/v1/me/home", floor, headers={"If-None-Match": home.headers["ETag"]})
    assert again.status_code == 200


def test_what_may_be_offered_and_what_to_ask_are_in_the_language_of_whoever_asks(app: App, shop: Shop) -> None:
    admin, headers = (shop, "admin"), {"If-Match": "*"}
    for kind in ("remedies", "questions"):
        for word in app.request("GET", f"/v1/{kind}", admin).json["items"]:
            named = {"names": {"pt": f"{word['slug']} em português"}}
            answer = app.request("PATCH", f"/v1/{kind}/{word['id']}", admin, json=named, headers=headers)
            assert answer.status_code == 200
    query, speaks = f"store_id={shop.store_id}", {"Accept-Language": "pt"}
    guidance = app.request("GET", f"/v1/guidance?{query}", (shop, "floor"), headers=speaks).json
    home = app.request("GET", "/v1/me/home", (shop, "floor"), headers=speaks).json
    for offers in (guidance["offers"], home["offers"]):
        assert offers
        assert [offer["name"] for offer in offers] == [f"{offer['remedy']} em português" for offer in offers]
    assert guidance["question"]["text"] == f"{guidance['question']['slug']} em português"
