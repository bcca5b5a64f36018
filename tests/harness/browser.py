"""Pages of ours in a real browser, which must neither fetch anything nor complain of anything."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
else:
    Browser = Any


def find_chromium() -> str | None:
    return shutil.which("chromium")


@contextmanager
def open_browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        yield browser
        browser.close()


@contextmanager
def open_file(browser: Browser, path: Path, **context: Any) -> Iterator["Page"]:
    """The page at `path`, with no network. Fails at its end for every request, dialog, error and
    console complaint it caused. `context` is playwright's: `color_scheme`, `locale`, …"""
    opened = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}, **context)
    page = opened.new_page()
    seen: list[str] = []
    address = path.as_uri()
    page.on("request", lambda one: seen.append(f"request {one.url}"))
    page.on("pageerror", lambda one: seen.append(f"error {one}"))
    page.on("console", lambda one: seen.append(f"{one.type} {one.text}"))
    page.on("dialog", lambda one: (seen.append(f"dialog {one.message}"), one.dismiss()))
    page.goto(address)
    try:
        yield page
        # What the page began is through when the page has come this far.
        page.evaluate("() => new Promise((end) => requestAnimationFrame(() => end()))")
    finally:
        opened.close()
    assert [one for one in seen if one != f"request {address}"] == []
