"""The recovery log in a real browser: without scripts, open to everybody, and on two sheets when it is printed."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.demo_pages import LANGUAGES
from tests.browser.full_day import CONCERNS, FullDay, full_day, sheets
from tests.support.databases import Databases

speaking = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def day(databases: Databases) -> Iterator[FullDay]:
    with databases.alone("sqlite") as url, full_day(url) as day:
        yield day


@speaking
def test_the_page_opens_without_scripts_and_asks_for_nothing_else(
    browser: Browser, day: FullDay, language: str
) -> None:
    asked, complaints = [], []
    with day.reader(browser, language, java_script_enabled=False) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(day.url)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("tbody tr").count() == CONCERNS + 1
        assert page.locator("svg[role=img]").count() == 3
        assert page.locator(".now li").count() == 4
        drawn = page.locator(".charts rect.s0").first
        assert (drawn.bounding_box() or {"height": 0})["height"] > 1
        padding = page.locator(".now").evaluate("box => getComputedStyle(box).borderTopWidth")
        assert padding == "2px", "the sheet of the page was refused"
    assert [url for url in asked if not url.startswith("data:")] == [day.url]
    assert complaints == []


@speaking
def test_an_accessibility_check_finds_nothing(browser: Browser, day: FullDay, language: str) -> None:
    """axe needs scripts, and to be let in past the policy of the page."""
    for by in ("manager", "hq"):
        for width in (1100, 390):
            size = {"width": width, "height": 900}
            with day.reader(browser, language, by, bypass_csp=True, viewport=size) as context:
                page = context.new_page()
                page.goto(day.url)
                violations = Axe().run(page).response["violations"]
                assert [(violation["id"], violation["nodes"][0]["html"]) for violation in violations] == []


@speaking
def test_a_day_of_forty_concerns_prints_on_two_sheets(browser: Browser, day: FullDay, language: str) -> None:
    with day.reader(browser, language) as context:
        page = context.new_page()
        page.goto(day.url)
        assert sheets(page.pdf(prefer_css_page_size=True)) == 2


def test_sheets_are_counted(browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        for pages in (1, 3):
            page.set_content("<div style='break-after: page'>x</div>" * (pages - 1) + "<div>x</div>")
            assert sheets(page.pdf()) == pages
