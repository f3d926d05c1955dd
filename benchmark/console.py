"""The only printer: results on stdout; progress, doubts and errors on stderr; no bars without a terminal."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console as Terminal
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from benchmark.listener import Listener
from results.errors import OutputNotWritten
from results.plain import plain

if TYPE_CHECKING:
    from android_runner.candidates import Candidate
    from android_runner.doctor import Check
    from export.artifact import ArtifactFiles
    from export.recipes import Recipe
    from results.errors import HarnessError
    from results.report.model import View

_PLAIN_INTERVAL_S = 30.0


class _Out(Terminal):
    def on_broken_pipe(self) -> None:
        """Leave it to `_written`: rich's own way would end the process with exit code 1."""
        raise BrokenPipeError


class _Err(Terminal):
    def on_broken_pipe(self) -> None:
        """Nobody reads on: the job is done all the same, and ends with its own exit code, not rich's 1."""
        _into_nothing(sys.stderr)


class Console(Listener):
    """Renders a job's events on stderr and its results on stdout."""

    def __init__(self) -> None:
        # Without emoji: a key's 96:AB:99 is no name of a picture.
        self._out = _Out(highlight=False, soft_wrap=True, emoji=False)
        self._err = _Err(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._bar: Progress | None = None
        self._step = ""
        self._began = self._printed = 0.0

    def on_step(self, text: str) -> None:
        self.on_done()
        self._step, self._began = text, time.monotonic()
        self._printed = self._began
        self._err.print(_harmless(text), markup=False)

    def on_progress(self, done: int, total: int, unit: str, share: float | None = None) -> None:
        now = time.monotonic()
        took = max(now - self._began, 1e-9)
        part = done / total if share is None else share
        left = f", about {_clock(took * (1 - part) / part)} left" if 0 < part < 1 else ""
        said = f"{unit}, {done / took:.1f}/s{left}"
        if not self._err.is_terminal:
            if now - self._printed >= _PLAIN_INTERVAL_S:
                self._printed = now
                self._err.print(f"  {done} of {total} {said}", markup=False)
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("  "),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}", markup=False),
                console=self._err,
                transient=True,
            )
            self._bar.add_task(unit, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=said)

    def on_hit(self, text: str) -> None:
        self._err.print(_harmless(text), markup=False)

    def on_doubt(self, text: str) -> None:
        self._err.print(f"note: {_harmless(text)}", markup=False)

    def on_done(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def report(self, text: str) -> None:
        """A finished report, as it is."""
        self.on_done()
        self._show(text.removesuffix("\n"))

    @property
    def is_terminal(self) -> bool:
        """Whether results go to a terminal, and not into a file or to another program."""
        return self._out.is_terminal

    def show(self, view: View) -> None:
        """A report as data: rendered where a terminal shows it, elsewhere the bytes of report.txt."""
        self.on_done()
        if self._out.is_terminal:
            from benchmark.terminal import WIDEST, rendered

            width = min(self._out.width, WIDEST)
            self._show(rendered(view, width), width=width)
        else:
            from results.report.text import as_text

            self._show(as_text(view).removesuffix("\n"))

    def exactly(self, text: str) -> None:
        """A text for another program, byte for byte."""
        self.on_done()
        with _written():
            self._out.file.write(text)
            self._out.file.flush()

    def error(self, err: HarnessError) -> None:
        """One error: what happened, what was kept, what to do next."""
        self.on_done()
        self._err.print(_harmless(err.render()), markup=False)

    def artifacts(self, artifacts: Sequence[ArtifactFiles]) -> None:
        """What an export made: one block a recipe, its folder last so that it can be copied."""
        self.on_done()
        for made in artifacts:
            artifact = made.artifact
            lengths = ", ".join(str(signature.length) for signature in artifact.signatures)
            lines = [f"{artifact.recipe}, {artifact.model_bytes / 1e6:.1f} MB, for lengths {lengths}"]
            if artifact.parity is not None:
                parity = artifact.parity
                lines.append(
                    f"against float32: largest error {parity.max_abs_error:.2g} where logits reach "
                    f"{parity.logit_scale:.2g}, same prediction on {parity.agreement:.1%} of {parity.rows} "
                    "random sequences"
                )
            if artifact.conversion is not None:
                cost = artifact.conversion
                when = "now" if made.converted else "earlier, found in the cache"
                lines.append(
                    f"converted {when}: {cost.cpu_s:.1f} CPU s, {cost.wall_s:.1f} s, peak memory "
                    f"{cost.peak_rss_bytes / 1e6:.0f} MB"
                )
            if artifact.accelerated_share is not None:
                lines.append(
                    f"{', '.join(artifact.rewrites) or 'no rewrites'}; "
                    f"{artifact.accelerated_share:.1%} of the multiply-adds inside XNNPACK here"
                )
            if artifact.calibration is not None:
                seen = artifact.calibration
                lines.append(
                    f"calibrated on {seen.rows} pairs of {seen.pairs}: the largest row of {seen.widest} is "
                    f"{seen.spread:.3g} times its median row"
                )
            lines += [f"warning: {text}" for text in artifact.warnings]
            self._show("\n  ".join([*lines, str(made.folder)]))

    def recipes(self, recipes: Sequence[Recipe]) -> None:
        """What --recipe takes, and which rewrites each applies."""
        head = ("recipe", "weights", "activations", "sums", "attention", "calibration")
        table = Table(*head, box=None, pad_edge=False)
        for column in table.columns:
            column.no_wrap = True
        for one in recipes:
            kinds = (one.weights, one.activations, one.streams, one.attention)
            table.add_row(one.name, *kinds, "needed" if one.calibrated else "-")
        self._show(table)
        for one in recipes:
            self._show(f"\n{one.name}: {one.summary}\n  rewrites: {', '.join(one.rewrites) or 'none'}")

    def devices(self, candidates: Sequence[Candidate]) -> None:
        """What is attached, one row a device; this machine last, as it can always be measured."""
        rows = [("state", "model", "ABI", "API", "kind", "select with")]
        for one in candidates:
            api_level = "-" if one.api_level is None else str(one.api_level)
            kind = one.kind.replace("_", " ")
            rows.append((one.state, one.model or "-", one.abi or "-", api_level, kind, one.select))
        # Not a Table: that cuts what does not fit into the window, and the last column is for copying.
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True))
            self._show("  ".join(cells).rstrip())

    def checks(self, checks: Sequence[Check]) -> bool:
        """What doctor found, one row a check and below it what to do; whether no check failed.

        Several in a row that were left out for the same reason are one row.
        """
        words = {"fail": "FAIL", "skipped": "-"}
        widest = max(len(check.name) for check in checks)
        for (status, found), group in itertools.groupby(checks, lambda check: (check.status, check.found)):
            same = list(group)
            if status == "skipped" and len(same) > 1:
                names = f"{same[0].name} ... {same[-1].name}"
                self._show(f"-     {names} ({len(same)} checks): {found}")
                continue
            for check in same:
                self._check(check, words.get(status, status), widest)
        failed = sum(check.status == "fail" for check in checks)
        self._show(f"\n{failed} of {len(checks)} checks failed." if failed else "\nReady to measure.")
        return not failed

    def _check(self, check: Check, word: str, widest: int) -> None:
        self._show(f"{word:4}  {check.name:{widest}}  {check.found}")
        if check.next_step is not None:
            self._show(f"{'':4}  {'':{widest}}  -> {check.next_step}")

    def _show(self, result: RenderableType, width: int | None = None) -> None:
        """`width`: where it is to wrap; None leaves long lines to the terminal."""
        text = _harmless(result) if isinstance(result, str) else result
        with _written():
            self._out.print(text, markup=False, width=width, soft_wrap=width is None)
            self._out.file.flush()


def _clock(seconds: float) -> str:
    """As a bar tells it: 0:01:30."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Turn a stdout that takes no more into an error of ours; a reader who has seen enough is none.

    A gate piped into `head` must not pass because of that: the command goes on to its own exit code.
    """
    try:
        yield
    except BrokenPipeError:
        _into_nothing(sys.stdout)
    except OSError as err:
        _into_nothing(sys.stdout)
        raise OutputNotWritten(
            f"the output could not be written: {err.strerror}", next_step="Send it where there is room."
        ) from err


def _into_nothing(stream: TextIO) -> None:
    """Let a stream that failed lead nowhere: what is left in its buffer would fail again as Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _harmless(text: str) -> str:
    """The same lines without a device's escape sequences, which a terminal would obey."""
    return "\n".join(plain(line) for line in text.split("\n"))
