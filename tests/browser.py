"""A headless Chromium for tests, as a pytest plugin: `pytest_plugins = ("tests.browser",)` in a test module.

It needs Playwright from PyPI and the Debian package `chromium`. Without Chromium, the tests are skipped.
"""

import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, which containers lack; the other options keep the browser itself off the network.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Not session-scoped: while Playwright runs, no other test in the process can have its own event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if executable is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address in a new window: `open_page(address, width=400, dark=True)`.

    `page.faults` holds the errors in the console, exceptions and failed requests of the page; `page.asked` the
    addresses that it requested, its own first.
    """
    contexts = []

    def open_address(address: str, *, width: int = 1280, dark: bool = False) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            accept_downloads=True,
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.faults, page.asked = [], []
        page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("requestfailed", lambda request: page.faults.append(f"{request.url}: {request.failure}"))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        return page

    yield open_address
    for context in contexts:
        context.close()


@pytest.fixture
def find_violations() -> Callable[..., list[str]]:
    """Return a function that lists the accessibility violations axe-core finds in a page, or within a selector.

    The rules are WCAG A and AA and good practice. Computing the contrast of all text takes seconds on a long page.
    """

    def find(page: Page, *, within: str | None = None) -> list[str]:
        found = Axe().run(page, context=within).response["violations"]
        return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]

    return find
