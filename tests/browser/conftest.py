"""One running application and one browser for all tests of pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.demo_pages import DemoPages, chromium
from tests.support.databases import Databases
from tests.support.processes import running_app


@pytest.fixture(scope="session")
def floor(databases: Databases) -> Iterator[DemoPages]:
    with databases.empty("sqlite") as url, running_app(url, seed=True) as server:
        yield DemoPages.of(server)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
