"""The page in a real browser: nothing is loaded, nothing is complained of, it can be read everywhere."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results.report.page.html import as_html
from tests.report.chromium import PROGRAM, Browser
from tests.report.lively import lively_view

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Debian's chromium is not installed")

HOSTILE = '<img src="http://127.0.0.1:9/x.png" onerror="console.log(1)"><script>console.log(2)</script>'
LEGIBLE = 4.5  # Source: WCAG 2.2, 1.4.3, contrast of normal text
# Text against what lies behind it: the nearest ancestor with a background of its own.
_CONTRASTS = """
(() => {
  const seen = [...document.querySelectorAll(
    '.status, h1, h2, h3, .where, nav a, td, tbody th, thead th, li, figcaption, dd, summary, svg text')];
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.endsWith(', 0)') && !colour.startsWith('rgba')) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return seen.filter((node) => node.textContent.trim()).map((node) => {
    const style = getComputedStyle(node);
    const colour = node instanceof SVGElement ? style.fill : style.color;
    return [node.tagName + '.' + node.getAttribute('class') + ' ' + node.textContent.slice(0, 30), colour,
            behind(node)];
  });
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's page in which the device, a note and a label are hostile."""
    folder = tmp_path_factory.mktemp("page")
    view = lively_view(folder / "runs", launches=6, inferences=60)
    figures = (dataclasses.replace(view.figures[0], title=HOSTILE, caption=HOSTILE), *view.figures[1:])
    view = dataclasses.replace(
        view, where=f"Measured on {HOSTILE}.", notes=(*view.notes, HOSTILE), figures=figures
    )
    path = folder / "report.html"
    path.write_text(as_html(view, b'{"a": "</script>"}'), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def test_the_page_loads_nothing_and_says_nothing(browser: Browser, page: Path) -> None:
    """A report is opened where there is no network, from people's CI, with a device's words in it."""
    browser.show(width=1200, height=800)
    browser.open(page)
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []
    assert browser.value("document.querySelectorAll('script').length") == 0
    assert browser.value("document.querySelectorAll('svg').length") >= 5


def test_a_page_that_does_load_something_is_noticed(browser: Browser, page: Path, tmp_path: Path) -> None:
    """The test above would be worth nothing if it could not fail."""
    bad = page.read_text(encoding="utf-8").replace("<main>", '<main><img src="http://127.0.0.1:9/x.png">')
    path = tmp_path / "bad.html"
    path.write_text(bad, encoding="utf-8")
    browser.open(path)
    assert "Content Security Policy" in " ".join(browser.complaints)


@pytest.mark.parametrize(("width", "height"), [(1200, 800), (360, 740)])
def test_the_verdict_is_what_one_sees_first(browser: Browser, page: Path, width: int, height: int) -> None:
    """It is the first thing in the window, on a desk and on a phone, and the page never scrolls sideways."""
    browser.show(width=width, height=height)
    browser.open(page)
    box = browser.value(
        "(({x, y, right, bottom}) => ({x, y, right, bottom}))(verdict.getBoundingClientRect())"
    )
    assert 0 <= box["x"] < box["right"] <= width
    assert 0 <= box["y"] < box["bottom"] <= height
    assert "reproduced" in browser.value("verdict.innerText")
    assert browser.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_is_legible(browser: Browser, page: Path, scheme: str) -> None:
    """Text and pictures take the reader's colours together; a picture that stays white would glare."""
    browser.show(width=1200, height=800, scheme=scheme)
    browser.open(page)
    contrasts: list[tuple[str, str, str]] = [tuple(one) for one in browser.value(_CONTRASTS)]
    assert len(contrasts) > 200
    weak = {one for one in contrasts if _contrast(one[1], one[2]) < LEGIBLE}
    assert not weak
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (_luminance(paper) < 0.05) == (scheme == "dark")


def test_it_prints_in_light_and_whole(browser: Browser, page: Path) -> None:
    """On paper there is nothing to open or to scroll, and no dark ground, whatever the screen's scheme."""
    browser.show(width=700, height=1000, scheme="dark", media="print")
    browser.open(page)
    assert (
        browser.value("getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()")
        == "#ffffff"
    )
    shown = browser.value(
        "[...document.querySelectorAll('details table')].map((one) => one.checkVisibility())"
    )
    assert shown
    assert all(shown)
    assert browser.value("document.documentElement.scrollWidth") <= 700
    browser.show(width=1200, height=800)
    printed = browser.printed()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3


def test_the_data_inside_can_be_saved(browser: Browser, page: Path) -> None:
    """The link must be one that saves: a browser refuses to go to a data: address."""
    browser.open(page)
    link: dict[str, Any] = browser.value(
        "(({href, download}) => ({href, download}))(document.querySelector('a[download]'))"
    )
    assert link["download"] == "mobilebert-bench-record.json"
    assert browser.value(f"atob({link['href'].split(',')[1]!r})") == '{"a": "</script>"}'


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)". Source: WCAG 2.2."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
