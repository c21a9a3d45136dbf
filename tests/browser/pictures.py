"""Take the pictures in docs/images/ of the pages, on a screen and on paper: `make pictures`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from config import ROOT
from tests.browser.demo_pages import DemoPages, chromium, phone
from tests.browser.full_day import full_day
from tests.support.databases import migrate
from tests.support.processes import running_app

IMAGES = ROOT / "docs" / "images"


def take_customer_pages() -> None:
    """Take each page that customers open, in English, as a phone shows it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        running_app(f"sqlite:///{Path(folder) / 'amends.db'}", seed=True) as app,
        phone(browser, "en") as context,
    ):
        pages = DemoPages.of(app)
        page = context.new_page()
        page.goto(pages.asked()[1])
        page.screenshot(path=IMAGES / "feedback-page.png", full_page=True)
        page.goto(pages.code())
        page.screenshot(path=IMAGES / "qr-code-page.png", full_page=True)
        page.locator("input[name=mood]").first.check()
        page.locator("button").click()
        page.screenshot(path=IMAGES / "qr-code-thanks.png", full_page=True)


def take_daily_log() -> None:
    """Take the log of a full day: the top of it on a screen, and each sheet as a printer without colour gets it."""
    printer = shutil.which("pdftoppm")
    assert printer, "pdftoppm is missing, which makes pictures of a PDF; on Debian: apt-get install poppler-utils"
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        url, paper = f"sqlite:///{Path(folder) / 'amends.db'}", Path(folder) / "log.pdf"
        migrate(url)
        with full_day(url) as day, day.reader(browser, viewport={"width": 1100, "height": 1200}) as context:
            page = context.new_page()
            page.goto(day.url)
            page.screenshot(path=IMAGES / "daily-log-screen.png")
            page.pdf(path=paper, prefer_css_page_size=True)
        command = (printer, "-gray", "-r", "110", "-png", str(paper), str(IMAGES / "daily-log-print"))
        subprocess.run(command, check=True)


if __name__ == "__main__":
    take_customer_pages()
    take_daily_log()
