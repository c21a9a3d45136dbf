"""The pictures of the pages in docs/pages/, on a screen and on paper: `make pictures`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from config import ROOT
from tests.browser.demo_pages import LANGUAGES, DemoPages, chromium, phone
from tests.browser.full_day import full_day
from tests.support.databases import migrate
from tests.support.processes import running_app

ALBUM = ROOT / "docs" / "pages"


def take() -> None:
    """Each page that customers open in each language, as a phone shows it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        running_app(f"sqlite:///{Path(folder) / 'amends.db'}", seed=True) as server,
    ):
        floor = DemoPages.of(server)
        for language in LANGUAGES:
            with phone(browser, language) as context:
                page = context.new_page()
                for name, address in {"feedback": floor.asked()[1], "standing-qr": floor.code()}.items():
                    page.goto(address)
                    page.screenshot(path=ALBUM / f"{name}-{language}.png", full_page=True)
                page.locator("input[name=mood]").first.check()
                page.locator("button").click()
                page.screenshot(path=ALBUM / f"told-{language}.png", full_page=True)


def print_log() -> None:
    """The log of a full day: the top of it on a screen, and each sheet as a printer without colour gets it."""
    printer = shutil.which("pdftoppm")
    assert printer, "nothing here makes pictures of what is printed; on Debian: apt-get install poppler-utils"
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        url, paper = f"sqlite:///{Path(folder) / 'amends.db'}", Path(folder) / "log.pdf"
        migrate(url)
        with full_day(url) as day, day.reader(browser, viewport={"width": 1100, "height": 1200}) as context:
            page = context.new_page()
            page.goto(day.url)
            page.screenshot(path=ALBUM / "log-screen.png")
            page.pdf(path=paper, prefer_css_page_size=True)
        command = (printer, "-gray", "-r", "110", "-png", str(paper), str(ALBUM / "log-print"))
        subprocess.run(command, check=True)


if __name__ == "__main__":
    take()
    print_log()
