"""Version of the app that asks: too old a one is refused, with where to get a new one."""

import re

from flask import request

from api.web.problems import HttpProblem
from models.access import AppRules

HEADER = "X-App-Version"
_SENT = re.compile(r"(android|ios|web)/([0-9]{1,5}(?:\.[0-9]{1,5}){2})")


def refuse_old_app(apps: AppRules | None) -> None:
    """Raise HttpProblem (426) for an app that is older than its organization wants.

    The app says what it is in `X-App-Version: ios/2.3.1`. Whoever says nothing, or something else, is served.
    """
    sent = _SENT.fullmatch(request.headers.get(HEADER, ""))
    if apps is None or sent is None:
        return
    platform, version = sent.groups()
    minimum = apps.minimum_versions.get(platform)
    if minimum is not None and _numbers(version) < _numbers(minimum):
        detail = f"Version {version} is not served any more: install {minimum} or a newer one."
        raise HttpProblem(426, detail, minimum_version=minimum, get_it_at=apps.addresses.get(platform))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
