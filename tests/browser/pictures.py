"""The pictures of the public pages in docs/pages/, in each language: `make pictures`."""

import tempfile
from pathlib import Path

from config import ROOT
from tests.browser.eyes import LANGUAGES, Floor, chromium, phone
from tests.processes import running_house

ALBUM = ROOT / "docs" / "pages"


def take() -> None:
    """Each page in each language, as a phone shows it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        running_house(f"sqlite:///{Path(folder) / 'amends.db'}", seed=True) as house,
    ):
        floor = Floor.of(house)
        for language in LANGUAGES:
            with phone(browser, language) as context:
                page = context.new_page()
                for name, address in {"feedback": floor.asked()[1], "standing-qr": floor.code()}.items():
                    page.goto(address)
                    page.screenshot(path=ALBUM / f"{name}-{language}.png", full_page=True)
                page.locator("input[name=mood]").first.check()
                page.locator("button").click()
                page.screenshot(path=ALBUM / f"told-{language}.png", full_page=True)


if __name__ == "__main__":
    take()
