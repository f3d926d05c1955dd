"""JUnit XML from a view's checks: the subset that Ant, Jenkins, GitLab and GitHub's actions all read.

`time` is wall time in seconds, never a latency. A suite is a group of checks; what failed is a failure, what
is undecided is skipped with its reason, and trouble is an error.
"""

from __future__ import annotations

import io
import re

from results.errors import FormUnavailable
from results.plain import plain
from results.report.model import Check, View

_NO_XML = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")


def as_junit(view: View) -> str:
    """The XML of one report. Raises FormUnavailable where nothing was checked."""
    from junitparser import JUnitXml, SystemOut, TestSuite

    if not view.checks:
        raise FormUnavailable(
            f"there is nothing to tell a test report: {view.verdict}",
            next_step="Take another form: text, markdown or html can be made of every report.",
            form="junit",
        )
    root = JUnitXml(_text(view.title))
    for group in dict.fromkeys(check.group for check in view.checks):
        suite = TestSuite(_text(group))
        for check in view.checks:
            if check.group == group:
                suite.append(_case(check))
        floors = f" {view.floors}" if view.floors else ""
        suite.append(SystemOut(_text(f"{view.where} Verdict: {view.verdict}{floors}")))
        root.append(suite)
    root.update_statistics()
    made = io.BytesIO()
    root.write(made, pretty=True)
    return made.getvalue().decode("utf-8")


def _case(check: Check) -> object:
    from junitparser import Error, Failure, Skipped, TestCase

    case = TestCase(_text(check.name), classname=_text(check.group), time=round(check.seconds, 3))
    message = _text(check.message)
    if check.outcome == "passed":
        case.system_out = message
        return case
    kind = {"failed": Failure, "undecided": Skipped, "error": Error}[check.outcome]
    case.result = [kind(message, check.outcome)]
    return case


def _text(text: str) -> str:
    """Plain, and only characters that XML 1.0 has."""
    return _NO_XML.sub("?", plain(text))
