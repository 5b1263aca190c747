"""The documentation site builds without warnings and without a network, its links resolve, and it loads nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html
from playwright.sync_api import Page

pytest_plugins = ("tests.browser",)

ROOT = Path(__file__).parents[1]
# Python imports this module first: the build gets no answer from any host.
NO_NETWORK = """
import socket

def refuse(*_, **__):
    raise OSError("The site is built without a network")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
"""
# What a browser fetches by itself.
LOADED = "//script/@src | //img/@src | //iframe/@src | //source/@src | //link/@href | //video/@src | //object/@data"
CSS_LINK = re.compile(r"""(?:url\(|@import)\s*["']?([^"')]+)""")
# Pages with wide tables, long code and the picture.
SHOWN = ("index", "reference/commands", "reference/rest-api", "reference/python", "reference/project")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf8")
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder / "site")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder / "site"


def pages_of(site: Path) -> Iterator[tuple[Path, html.HtmlElement]]:
    """Yield each page of the site; the page for errors links from the root of a host."""
    for path in sorted(site.rglob("*.html")):
        if path.name != "404.html":
            yield path, html.parse(str(path), html.HTMLParser(encoding="utf8")).getroot()


def anchors_of(page: html.HtmlElement) -> set[str]:
    return {*page.xpath("//@id"), *page.xpath("//a/@name")}


def test_each_page_of_the_documentation_is_in_the_site(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert sources == {path.relative_to(site) for path, _ in pages_of(site)}


def test_links_and_anchors_resolve(site: Path) -> None:
    anchors = {path: anchors_of(page) for path, page in pages_of(site)}
    broken = []
    for path, page in pages_of(site):
        for link in page.xpath("//a/@href"):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            missing = parts.fragment and unquote(parts.fragment) not in anchors.get(target, set())
            if not target.is_file() or missing:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for path, page in pages_of(site):
        loaded = [link for link in page.xpath(LOADED) if urlsplit(link).netloc]
        assert not loaded, path
        missing = [link for link in page.xpath(LOADED) if not (path.parent / urlsplit(link).path).exists()]
        assert not missing, path
    for path in site.rglob("*.css"):
        links = CSS_LINK.findall(path.read_text(encoding="utf8"))
        assert not [link for link in links if urlsplit(link).netloc], path


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("dark", [False, True])
def test_pages_fit_the_screen(site: Path, open_page: Callable[..., Page], width: int, dark: bool) -> None:
    for name in SHOWN:
        page = open_page((site / f"{name}.html").as_uri(), width=width, dark=dark)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        scheme = page.locator("body").get_attribute("data-md-color-scheme")
        assert scheme == ("slate" if dark else "default")
        assert not page.faults
        assert all(address.startswith(("file:", "data:")) for address in page.asked)


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable(
    site: Path, open_page: Callable[..., Page], find_violations: Callable[..., list[str]], dark: bool
) -> None:
    page = open_page((site / "reference" / "project.html").as_uri(), dark=dark)
    assert not find_violations(page, within="article")


def test_search_works_in_a_folder(site: Path, open_page: Callable[..., Page]) -> None:
    page = open_page((site / "index.html").as_uri(), width=1600)
    page.locator("input.md-search__input").click()
    page.keyboard.type("batch-characters")
    page.locator(".md-search-result__link").first.wait_for()
    links = page.locator(".md-search-result__link")
    assert any("commands.html" in (link.get_attribute("href") or "") for link in links.all())
