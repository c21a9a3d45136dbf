"""Questions that a customer was asked before: no guidance suggests them again, whatever kind of concern it was."""

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import get_guidance
from tests.support.factories.organizations import Shop


def test_what_was_asked_with_praise_is_not_asked_again(app: App, shop: Shop) -> None:
    guest = {"customer": {"phone": "912 345 678"}}
    log_concern(app, shop, kind="praise", mood=5, question="what-happened", **guest)
    app.clock.move(days=1)
    concern = log_concern(app, shop, **guest)
    before = get_guidance(app, shop, customer_id=concern["customer_id"]).json
    assert concern["guidance"]["question"] is None
    assert before["question"] is None
