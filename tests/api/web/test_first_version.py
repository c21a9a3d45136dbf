"""Whatever came with it, an object is version 1 at birth."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import etag_version
from tests.support.factories.organizations import Shop

EVERYTHING = {
    "mood": 1,
    "handling": "mine",
    "customer": {"phone": "912 345 678", "name": "Ana"},
    "recovery_actions": [{"remedy": "remake"}, {"remedy": "apology"}],
    "outcome": "recovered",
    "mood_after": 5,
}
MADE: dict[str, tuple[str, dict[str, Any]]] = {
    "/v1/concerns": ("floor", EVERYTHING),
    "/v1/customers": ("floor", {"name": "Ana", "references": [{"source": "till", "reference": "7"}]}),
    "/v1/categories": ("admin", {"slug": "noise", "name": "Noise", "causes": [{"slug": "music", "name": "Music"}]}),
}


@pytest.mark.parametrize("path", MADE)
def test_it_is_version_one_in_the_first_answer_in_a_repeat_and_when_it_is_read(app: App, shop: Shop, path: str) -> None:
    login, body = MADE[path]
    by = (shop, login)
    first = app.request("POST", path, by, json=body, headers={"Idempotency-Key": "once"})
    assert first.status_code == 201, first.text
    again = app.request("POST", path, by, json=body, headers={"Idempotency-Key": "once"})
    read = app.request("GET", f"{path}/{first.json['id']}", by)
    for answer in (first, again, read):
        assert (answer.json["version"], etag_version(answer)) == (1, 1)


def test_what_happens_to_it_later_counts(app: App, shop: Shop) -> None:
    by = (shop, "floor")
    concern = app.request("POST", "/v1/concerns", by, json={"mood": 2, "recovery_actions": [{"remedy": "remake"}]}).json
    taken = app.request("POST", f"/v1/concerns/{concern['id']}/take", by)
    assert taken.json["version"] == 2
