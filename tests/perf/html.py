"""How long a reader waits for the page of a run of 10 launches x 200 inferences and two recipes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results.claims import load_claims
from results.report.page.html import as_html
from results.report.view import build_view
from results.store import RunStore
from results.verdict import judge
from tests.perf.compare import line, save, spread
from tests.report.lively import lively

ROUNDS = 7
# What a first page waits for beside its own work.
IMPORTS = "import scipy.stats, statsmodels.api, ruptures, jinja2, matplotlib.backends.backend_svg"


def main() -> None:
    """The folder read, judged, laid out, drawn and written as text, in a process that has done it once."""
    start_s = [_imports() for _ in range(3)]
    for launches, inferences in ((10, 200), (40, 1000)):
        with tempfile.TemporaryDirectory() as folder:
            store = RunStore.create(Path(folder))
            lively(launches=launches, inferences=inferences).save(store)
            data = (store.folder / "record.json").read_bytes()
            _page(store, data)
            pages = [_page(store, data) for _ in range(ROUNDS)]
        seconds, cpu_s, size = [one for one, _, _ in pages], [cpu for _, cpu, _ in pages], pages[0][2]
        target = "<= 2.5 s" if (launches, inferences) == (10, 200) else None
        line(
            f"HTML of {launches} x {inferences}, 2 recipes",
            spread(seconds, "s"),
            f"of the processor {spread(cpu_s, 's')}",
            f"{size / 1000:.0f} kB",
            target=target,
        )
        save(
            f"html-{launches}x{inferences}",
            {"seconds": seconds, "cpu_s": cpu_s, "bytes": size, "imports_s": start_s},
        )
    line("its start-up, imports alone", spread(start_s, "s"))


def _page(store: RunStore, data: bytes) -> tuple[float, float, int]:
    """Seconds by the clock and of the processor, and bytes, of one page."""
    before, used = time.perf_counter(), time.process_time()
    record, claims = store.load(), load_claims()
    samples, predictions = store.load_samples(record), store.load_predictions(record)
    verdict = judge(record, samples, predictions, claims)
    view = build_view(record, samples, predictions, verdict, claims, pictures=True)
    page = as_html(view, data).encode()
    return time.perf_counter() - before, time.process_time() - used, len(page)


def _imports() -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - before
