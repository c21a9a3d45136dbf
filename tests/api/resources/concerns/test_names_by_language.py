"""Names of categories and places where staff read, in the language of whoever asks."""

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop


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
