"""The forms that a report is written in: their names, files and makers, each opened where it is asked for.

A form is made of a view, which every outcome has, or of a recorded run with its raw samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from results.errors import ConfigError, FormUnavailable, did_you_mean

if TYPE_CHECKING:
    from results.report.forms.loaded import Loaded
    from results.report.model import View

Texts = dict[str, str]  # by file name


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`files`: what it is called in a run's folder. `printed`: a reader's or a log's, so it goes to stdout.

    `of_run`: made of raw samples, so that comparisons of runs, histories and gates have none of it.
    """

    name: str
    files: tuple[str, ...]
    of_run: bool = False
    printed: bool = False


FORMS = {
    form.name: form
    for form in (
        Form(name="text", files=("report.txt",), printed=True),
        Form(name="markdown", files=("report.md",), printed=True),
        Form(name="comment", files=("comment.md",), printed=True),
        Form(name="annotations", files=("annotations.txt",), printed=True),
        Form(name="html", files=("report.html",)),
        Form(name="junit", files=("junit.xml",)),
        Form(
            name="github-benchmark",
            files=("github-benchmark-latency.json", "github-benchmark-accuracy.json"),
            of_run=True,
        ),
        Form(name="bencher", files=("bencher.json",), of_run=True),
        Form(name="benchstat", files=("benchstat.txt",), of_run=True),
        Form(name="pyperf", files=("pyperf.json",), of_run=True),
        Form(name="androidx", files=("benchmarkData.json",), of_run=True),
    )
}
OF_VIEWS = tuple(name for name, form in FORMS.items() if not form.of_run)


def form_named(name: str, known: tuple[str, ...] = tuple(FORMS)) -> Form:
    """The form of that name. Raises ConfigError, which names the nearest one."""
    if name in FORMS and name not in known:
        raise ConfigError(
            f"{name} is made of the launches of one run, which this is not.",
            next_step=f"Give a run, as in: mobilebert-bench report RUN --format {name}; or here one of "
            f"{', '.join(known)}.",
        )
    if name not in known:
        # `did_you_mean` compares as option values are mostly written, with underscores.
        near = did_you_mean(name, [one.replace("-", "_") for one in known]).replace("_", "-")
        raise ConfigError(
            f'"{name}" is no form of a report here.{near}', next_step=f"Give one of {', '.join(known)}."
        )
    return FORMS[name]


def made(form: Form, view: View, run: Loaded | None = None, data: bytes | None = None) -> Texts:
    """The texts of one form by file name. `data`: JSON that a page offers for download.

    Raises FormUnavailable where it cannot be made of this, RecordDamaged.
    """
    if form.of_run:
        if run is None:
            raise FormUnavailable(
                f"{form.name} is made of one recorded run.",
                next_step=f"Give a run: mobilebert-bench report RUN --format {form.name}",
            )
        return _OF_RUN[form.name](run)
    return {form.files[0]: _OF_VIEW[form.name](view, data)}


def _text(view: View, data: bytes | None) -> str:
    from results.report.text import as_text

    return as_text(view)


def _markdown(view: View, data: bytes | None) -> str:
    from results.report.markdown import as_markdown

    return as_markdown(view)


def _comment(view: View, data: bytes | None) -> str:
    from results.report.markdown import COMMENT_LIMIT_BYTES, as_markdown

    return as_markdown(view, COMMENT_LIMIT_BYTES)


def _annotations(view: View, data: bytes | None) -> str:
    from results.report.forms.annotations import as_annotations

    return as_annotations(view)


def _html(view: View, data: bytes | None) -> str:
    from results.report.page.html import as_html

    return as_html(view, data)


def _junit(view: View, data: bytes | None) -> str:
    from results.report.forms.junit import as_junit

    return as_junit(view)


def _github_benchmark(run: Loaded) -> Texts:
    from results.report.forms.github_benchmark import as_github_benchmark

    return as_github_benchmark(run)


def _bencher(run: Loaded) -> Texts:
    from results.report.forms.bencher import as_bencher

    return {"bencher.json": as_bencher(run)}


def _benchstat(run: Loaded) -> Texts:
    from results.report.forms.benchstat import as_benchstat

    return {"benchstat.txt": as_benchstat(run)}


def _pyperf(run: Loaded) -> Texts:
    from results.report.forms.pyperf_json import as_pyperf

    return {"pyperf.json": as_pyperf(run)}


def _androidx(run: Loaded) -> Texts:
    from results.report.forms.androidx import as_androidx

    return {"benchmarkData.json": as_androidx(run)}


_OF_VIEW: dict[str, Callable[[View, bytes | None], str]] = {
    "text": _text,
    "markdown": _markdown,
    "comment": _comment,
    "annotations": _annotations,
    "html": _html,
    "junit": _junit,
}
_OF_RUN: dict[str, Callable[[Loaded], Texts]] = {
    "github-benchmark": _github_benchmark,
    "bencher": _bencher,
    "benchstat": _benchstat,
    "pyperf": _pyperf,
    "androidx": _androidx,
}
