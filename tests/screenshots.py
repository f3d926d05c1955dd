"""`python -m tests.screenshots`: the pictures of docs/reports.md anew, in docs/images/, of simulated runs.

Debian's Chromium takes them; they depend on its version and fonts, so that no test compares them.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from results.recompute import conclude
from results.report.model import View
from results.report.page.html import as_html
from results.store import RunStore
from tests.report.chromium import Browser
from tests.report.lively import lively_view
from tests.results.make_ab import make_ab
from tests.results.make_run import make_run

IMAGES = Path(__file__).parents[1] / "docs" / "images"
MOST_BYTES = 200_000  # of one picture: a page of documentation is not a gallery
WIDTH, NARROW = 1000, 390
COMMITS = 24
SLOWER_FROM = 18  # of the history: by how much is in `_history`


def main() -> None:
    """Every picture, one after the other."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        runs = Path(folder) / "runs"
        page = _page(lively_view(runs), Path(folder) / "run.html")
        browser.show(width=WIDTH, height=720)
        browser.open(page)
        _save(browser, "report-verdict")
        _section(browser, "Every inference in its order, float32", "report-order", height=620)
        _section(
            browser,
            "Share of inferences that took at most so long",
            "report-shares-dark",
            height=460,
            scheme="dark",
        )
        _section(browser, "Pairs that dynamic_int8 flips", "report-accuracy", above=420)
        browser.show(width=NARROW, height=800)
        browser.open(page)
        _save(browser, "report-narrow")
        browser.show(width=WIDTH, height=980)
        browser.open(_page(_comparison(runs), Path(folder) / "comparison.html"))
        _save(browser, "comparison")
        browser.show(width=WIDTH, height=900, scheme="dark")
        browser.open(_page(_history(Path(folder) / "history"), Path(folder) / "history.html"))
        _save(browser, "history-dark")


def _page(view: View, path: Path) -> Path:
    """A page that says in its first lines that nobody measured this."""
    named = view.where.replace("Measured on", "The record names")
    where = f"SIMULATED, not measured: random numbers. {named}"
    path.write_text(as_html(dataclasses.replace(view, where=where)), encoding="utf-8")
    return path


def _comparison(runs: Path) -> View:
    store = RunStore.create(runs)
    make_ab(ratio=1.041, pairs=12, inferences=60).save(store)
    return conclude(store).view


def _history(runs: Path) -> View:
    """Commits of which one made the model 5 % slower."""
    from benchmark import pipeline

    for commit in range(COMMITS):
        slower = 1.05 if commit >= SLOWER_FROM else 1.0
        noise = 1 + 0.004 * ((commit * 7) % 5 - 2)
        run = make_run(recipes=("dynamic_int8",), median_ms=61.0 * slower * noise, launches=5, accuracy=None)
        store = RunStore.create(runs)
        day = f"2026-11-{commit + 1:02d}"
        run = run.settings(commit=f"{0xA1B2C3 * (commit + 3):x}"[:8])
        run.change(
            run_id=store.run_id, started_at=f"{day}T10:00:00.000Z", ended_at=f"{day}T10:20:00.000Z"
        ).save(store)
        conclude(store)
    view = pipeline.gate((runs,), (), None, None)
    return dataclasses.replace(view, where=view.where.replace(str(runs), "runs"))


def _section(
    browser: Browser, title: str, name: str, *, height: int = 620, scheme: str = "light", above: int = 20
) -> None:
    """What stands under one heading of the open page."""
    browser.show(width=WIDTH, height=height, scheme=scheme)
    heading = f"[...document.querySelectorAll('h3')].find((one) => one.textContent === {title!r})"
    browser.value(f"window.scrollTo(0, {heading}.getBoundingClientRect().top + window.scrollY - {above})")
    _save(browser, name)


def _save(browser: Browser, name: str) -> None:
    picture = browser.screenshot()
    if len(picture) > MOST_BYTES:
        raise SystemExit(f"{name}: {len(picture)} bytes, more than {MOST_BYTES}")
    (IMAGES / f"{name}.png").write_bytes(picture)
    print(f"{name}.png: {len(picture) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
