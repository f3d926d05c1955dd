"""In CI a skipped test is a failure, unless skips.toml lists it with a reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("skips.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Tests that may be skipped: those whose id begins with `test`. `reason` is for readers."""

    test: str
    reason: str

    def __post_init__(self) -> None:
        if not self.test or not self.reason.strip():
            raise ValueError(f"an entry needs a test and a reason: {self}")


def read_list(path: Path) -> tuple[Allowed, ...]:
    """The entries of a skips.toml. Raises: ValueError or TypeError for one without test or reason."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("skip", [])
    return tuple(Allowed(**entry) for entry in entries)


def watch(config: pytest.Config, environment: Mapping[str, str], path: Path = LIST) -> None:
    """Make the run fail for skips that are not listed in `path`, where the environment says CI=true."""
    if environment.get("CI") == "true":
        config.pluginmanager.register(_Watch(read_list(path), path))


class _Watch:
    """Collects the ids of skipped tests, and of files that were skipped as a whole."""

    def __init__(self, allowed: tuple[Allowed, ...], path: Path) -> None:
        self._prefixes = tuple(entry.test for entry in allowed)
        self._path = path
        self._unlisted: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not hasattr(report, "wasxfail"):  # an expected failure is reported as skipped, too
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._unlisted and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._unlisted:
            return
        terminalreporter.section(f"skipped, and not in {self._path.name}", red=True, bold=True)
        for test, reason in self._unlisted.items():
            terminalreporter.line(f"{test}: {reason}")
        terminalreporter.line(f"Make them run, or list them with a reason in {self._path}.")

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not report.nodeid.startswith(self._prefixes):
            longrepr = report.longrepr
            self._unlisted[report.nodeid] = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
