"""GitHub's workflow commands from a view's checks: ::error, ::warning and ::notice lines.

Source: GitHub's documentation of workflow commands and their escapes; it shows at most ten of each level in
one step, so the last of more than ten says how many there are.
"""

from __future__ import annotations

from results.plain import plain
from results.report.model import Check, View

MOST = 10
_LEVELS = {"error": "error", "failed": "error", "undecided": "warning", "passed": "notice"}


def as_annotations(view: View) -> str:
    """One line per check, the worst first; without checks one line for the whole."""
    checks = view.checks or (
        Check(group=view.title, name="verdict", outcome=view.outcome, message=view.verdict),
    )
    lines: list[str] = []
    for level in ("error", "warning", "notice"):
        of_level = [check for check in checks if _LEVELS[check.outcome] == level]
        shown = of_level if len(of_level) <= MOST else of_level[: MOST - 1]
        lines += [_line(level, f"{check.group}: {check.name}", check.message) for check in shown]
        if len(of_level) > len(shown):
            more = len(of_level) - len(shown)
            lines.append(_line(level, view.title, f"{more} more of this level are in the report."))
    return "\n".join(lines) + "\n"


def _line(level: str, title: str, message: str) -> str:
    escaped = _data(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={escaped}::{_data(message)}"


def _data(text: str) -> str:
    """One line, and no sign that a workflow command gives a meaning to."""
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
