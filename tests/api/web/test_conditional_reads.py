"""Reads of what has not changed: 304, whatever the encoding, and only for whom and for what was read."""

import gzip
import re
from typing import Any

import pytest

from api.web.openapi_answers import names_in
from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.openapi_document import document

SECRETS = {"as_typed", "phone", "email", "token", "code", "link", "secret"}


def read(app: App, shop: Shop, path: str, tag: str | None = None, by: str = "floor", **headers: str) -> Any:
    return app.request("GET", path, (shop, by), headers={**headers, **({"If-None-Match": tag} if tag else {})})


def test_what_has_not_changed_since_it_was_read_is_304_without_a_body(app: App, shop: Shop) -> None:
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2}).json
    path = f"/v1/concerns/{concern['id']}"
    first = read(app, shop, path)
    tag = first.headers["ETag"]
    assert re.fullmatch(rf'"{concern["version"]}\.[0-9a-f]{{16}}"', tag)
    for sent in (tag, f"W/{tag}", f'"9.x", {tag}', "*"):
        again = read(app, shop, path, sent)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag), sent
        assert {"Content-Type", "Content-Length"}.isdisjoint(again.headers.keys())
        assert again.headers["Cache-Control"] == "no-store", "it may hold a number as it was typed"
    for sent in (f'"{concern["version"]}"', f'"{concern["version"]}.0"', '""'):
        assert read(app, shop, path, sent).status_code == 200, "all of the tag counts"
    match = {"If-Match": tag}
    changed = app.request("PATCH", path, (shop, "floor"), json={"stake": "a train"}, headers=match)
    assert changed.status_code == 200
    assert read(app, shop, path, tag).json["stake"] == "a train"
    # To a change, If-None-Match says nothing.
    headers = {"If-Match": "*", "If-None-Match": changed.headers["ETag"]}
    assert app.request("PATCH", path, (shop, "floor"), json={"stake": "a boat"}, headers=headers).status_code == 200


def test_the_tag_is_of_the_answer_and_not_only_of_its_version(app: App, shop: Shop) -> None:
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2, "their_words": "cold"}).json
    path = f"/v1/concerns/{concern['id']}"
    tag = read(app, shop, path).headers["ETag"]
    withheld = read(app, shop, path, tag, by="hq")
    assert (withheld.status_code, withheld.json["their_words"]) == (200, None)
    log = f"/v1/stores/{shop.store_id}/recovery-logs/{concern['business_date']}"
    tag = read(app, shop, log, by="manager").headers["ETag"]
    app.clock.move(seconds=10)
    assert read(app, shop, log, tag, by="manager").status_code == 304, "when it was worked out is no part of it"
    app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 4})
    assert read(app, shop, log, tag, by="manager").status_code == 200, "the version of its page has not changed"


def test_a_list_that_has_not_changed_is_304_for_whom_it_is_the_same(app: App, shop: Shop) -> None:
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2, "their_words": "cold"}).json
    path = f"/v1/concerns?store_id={shop.store_id}&status=open"
    tag = read(app, shop, path).headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{16}"', tag)
    app.clock.move(seconds=10)
    again = read(app, shop, path, tag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert read(app, shop, path, tag, by="colleague").status_code == 304
    assert read(app, shop, path, tag, by="hq").json["items"][0]["their_words"] is None
    app.request("POST", f"/v1/concerns/{concern['id']}/take", (shop, "floor"))
    assert read(app, shop, path, tag).json["items"] == []
    made = app.request("POST", "/v1/categories", (shop, "admin"), json={"slug": "new", "name": "New"})
    assert made.headers["ETag"].startswith('"1.'), "what is made is no list"


def test_an_answer_above_a_kibibyte_is_compressed_and_keeps_its_tag(app: App, shop: Shop) -> None:
    body = {"mood": 2, "their_words": "cold " * 300}
    path = f"/v1/concerns/{app.request('POST', '/v1/concerns', (shop, 'floor'), json=body).json['id']}"
    plain = read(app, shop, path)
    packed = read(app, shop, path, **{"Accept-Encoding": "gzip, br"})
    assert (packed.headers["Content-Encoding"], packed.headers["ETag"]) == ("gzip", plain.headers["ETag"])
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    for accepted in ("identity", "br", "gzip;q=0", "*;q=0"):
        assert "Content-Encoding" not in read(app, shop, path, **{"Accept-Encoding": accepted}).headers
    assert "Content-Encoding" not in read(app, shop, "/v1/me", **{"Accept-Encoding": "gzip"}).headers
    again = read(app, shop, path, packed.headers["ETag"], **{"Accept-Encoding": "gzip"})
    assert (again.status_code, again.data, again.headers.get("Content-Encoding")) == (304, b"", None)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/concerns", "/v1/nothing", "/f/nothing"])
def test_what_an_answer_depends_on_is_said(unchanged: UnchangedOrganization, path: str) -> None:
    answer = unchanged.ask("GET", path, "floor")
    assert answer.headers["Vary"] == "Authorization, Accept, Accept-Language, Accept-Encoding"


def test_answers_with_contacts_and_secrets_are_kept_nowhere(app: App, shop: Shop) -> None:
    customer = {"name": "Ada Lima", "phone": "900 000 123"}
    logged = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2, "customer": customer}).json
    for path in (f"/v1/customers/{logged['customer_id']}", "/v1/concerns", "/v1/staff"):
        assert read(app, shop, path, by="manager").headers["Cache-Control"] == "no-store", path
    own = read(app, shop, "/v1/me")
    assert (own.json["email"], own.headers["Cache-Control"]) == (None, "private, no-cache"), "nobody else's"


def test_every_operation_that_answers_contacts_or_secrets_says_so(app: App) -> None:
    schemas = document()["components"]["schemas"]
    unmarked = set()
    for rule in app.flask.url_map.iter_rules():
        operations = document()["paths"].get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
        for method, operation in operations.items():
            responses = operation["responses"].values() if method != "parameters" else ()
            answers = [answer for answer in responses if "ETag" in answer.get("headers", ())]
            names = names_in(answers, schemas) - {"Me", "OwnNotification"}  # one's own address, a link in the API
            if any(SECRETS & schemas[name].get("properties", {}).keys() for name in names):
                resource = app.flask.view_functions[rule.endpoint].view_class
                if not resource.never_stored:
                    unmarked.add(f"{method} {rule.rule}")
    assert unmarked == set()


def test_every_etag_is_a_documented_one(unchanged: UnchangedOrganization) -> None:
    for path, operations in document()["paths"].items():
        answer = unchanged.ask("GET", path, "admin") if "get" in operations and "{" not in path else None
        if answer is not None and answer.status_code == 200:
            documented = "304" in operations["get"]["responses"]
            assert ("ETag" in answer.headers) is documented, path
