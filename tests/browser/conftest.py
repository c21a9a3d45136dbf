"""One house and one browser for all that is looked at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.eyes import Floor, chromium
from tests.support.databases import Databases
from tests.support.processes import running_house


@pytest.fixture(scope="session")
def floor(databases: Databases) -> Iterator[Floor]:
    with databases.empty("sqlite") as url, running_house(url, seed=True) as house:
        yield Floor.of(house)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
