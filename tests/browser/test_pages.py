"""The public pages in a real browser: by keyboard alone, without scripts, in three languages, open to everybody."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from models.recovery.public_token import new_token
from tests.browser.demo_pages import LANGUAGES, DemoPages, phone, walk_to

speaking = pytest.mark.parametrize("language", LANGUAGES)
SAYS_THANKS = {"en": "Thank you", "pt": "Obrigado", "es": "Gracias"}
ASKS = {"en": "How was it, in the end?", "pt": "Afinal, como correu?", "es": "¿Cómo fue, al final?"}
LISTENS = {
    "en": "Tell us while you are here",
    "pt": "Diga-nos enquanto aqui está",
    "es": "Díganoslo mientras está aquí",
}


@pytest.fixture
def context(browser: Browser, language: str) -> Iterator[BrowserContext]:
    """A phone that runs no scripts."""
    with phone(browser, language, java_script_enabled=False) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, floor: DemoPages) -> Iterator[Page]:
    """A page that asks for nothing but itself, keeps nothing, and breaks none of its own rules."""
    page, asked, complaints = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    assert asked
    assert {url for url in asked if not url.startswith((floor.server.url, "data:"))} == set()
    assert complaints == []
    assert context.cookies() == []


@speaking
def test_a_customer_answers_by_keyboard_alone_and_without_scripts(page: Page, floor: DemoPages, language: str) -> None:
    concern, link = floor.asked()
    page.goto(link)
    assert (page.locator("html").get_attribute("lang"), page.locator("h1").inner_text()) == (language, ASKS[language])
    walk_to(page, "input[name=rating]")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")  # from very unhappy to unhappy
    walk_to(page, "input[name=recommend]")
    page.keyboard.press("Space")
    walk_to(page, "textarea[name=words]")
    page.keyboard.type("Still not as I asked.")
    walk_to(page, "button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]")
    assert page.locator("h1").inner_text() == SAYS_THANKS[language]
    after = floor.concern(concern["id"])
    assert (after["status"], after["rating"], after["alert"]["state"]) == ("open", 2, "open")


@speaking
def test_a_customer_logs_a_concern_by_the_code_on_the_table(page: Page, floor: DemoPages, language: str) -> None:
    page.goto(floor.code())
    assert (page.locator("html").get_attribute("lang"), page.locator("h1").inner_text()) == (
        language,
        LISTENS[language],
    )
    walk_to(page, "input[name=mood]")
    page.keyboard.press("Space")
    walk_to(page, "textarea[name=their_words]")
    page.keyboard.type(f"We wait. {language}")
    walk_to(page, "button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]")
    assert page.locator("h1").inner_text() == SAYS_THANKS[language]
    concern = floor.newest()
    assert (concern["source"], concern["mood"], concern["their_words"]) == ("customer", 1, f"We wait. {language}")


@speaking
def test_another_language_is_one_tap_away_and_stays(page: Page, floor: DemoPages, language: str) -> None:
    other = LANGUAGES[LANGUAGES.index(language) - 1]
    page.goto(floor.code())
    page.locator(f"nav a[hreflang={other}]").click()
    assert page.locator("h1").inner_text() == LISTENS[other]
    page.locator("input[name=mood]").nth(4).check()
    page.locator("button").click()
    assert page.locator("h1").inner_text() == SAYS_THANKS[other]


@speaking
def test_an_accessibility_check_finds_nothing_on_any_page(browser: Browser, floor: DemoPages, language: str) -> None:
    """axe needs scripts, and to be let in past the policy of the page."""
    _, link = floor.asked()
    code, found = floor.code(), {}
    with phone(browser, language, bypass_csp=True) as context:
        page = context.new_page()

        def look(name: str) -> None:
            found[name] = [violation["id"] for violation in Axe().run(page).response["violations"]]

        def send_nothing() -> None:
            """What a browser does that does not know `required`."""
            page.evaluate("document.querySelector('form').noValidate = true")
            page.locator("button").click()
            page.wait_for_selector("[role=alert]")

        for name, address in {"feedback": link, "standing code": code}.items():
            page.goto(address)
            look(name)
            send_nothing()
            look(f"{name}, refused")
            page.locator("input[type=radio]").first.check()
            page.locator("button").click()
            page.wait_for_selector("[role=status]")
            look(f"{name}, thanks")
        page.goto(link)
        look("answered already")
        page.goto(code.rpartition("/")[0] + "/" + new_token(uuid4()))
        look("nothing there")
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(found) == 8
