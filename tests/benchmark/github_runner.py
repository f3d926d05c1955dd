"""As much of GitHub's runner as action.yml uses: inputs, conditions, outputs, and steps in bash.

Expressions that it does not know are errors. `uses:` steps are not run, only noted with their inputs.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_VALUE = re.compile(r"inputs\.([\w-]+)|steps\.([\w-]+)\.outputs\.([\w-]+)|github\.(\w+)")
_TERM = re.compile(r"!cancelled\(\)|'[^']*'|==|!=|&&|\s+|" + _VALUE.pattern)
GITHUB = {"sha": "0123abcd" * 5}


@dataclass(kw_only=True)
class Ran:
    """What a job left: exit code (of the step that failed), outputs of every step, summary, log, `uses:`."""

    code: int = 0
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    used: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""

    @property
    def commands(self) -> list[str]:
        """Lines of the log that the runner obeys: not those between stop-commands and its mark."""
        mark, obeyed = "", []
        for line in self.log.splitlines():
            if mark:
                mark = "" if line == f"::{mark}::" else mark
            elif line.startswith("::stop-commands::"):
                mark = line.removeprefix("::stop-commands::")
            elif line.startswith("::"):
                obeyed.append(line)
        assert not mark, "commands were stopped and never allowed again"
        return obeyed


@dataclass(frozen=True, kw_only=True)
class Runner:
    """`action`: the folder of action.yml; `folder`: the test's own, its "work" the job's workspace."""

    action: Path
    folder: Path
    environment: dict[str, str]

    @property
    def workspace(self) -> Path:
        path = self.folder / "work"
        path.mkdir(exist_ok=True)
        return path

    def run(self, inputs: dict[str, str], *, done: dict[str, dict[str, str]] | None = None) -> Ran:
        """Every step in its order; `done`: steps that are taken to have run, with their outputs."""
        action = yaml.safe_load((self.action / "action.yml").read_text(encoding="utf-8"))
        assert set(inputs) <= set(action["inputs"]), "GitHub only warns of an input that there is not"
        given = {
            name: _filled(str(one["default"]), {}, Ran()) for name, one in action["inputs"].items()
        } | inputs
        ran = Ran(steps=dict(done or {}))
        for step in action["runs"]["steps"]:
            if step.get("id") not in ran.steps and _holds(step.get("if", ""), given, ran):
                self._step(step, given, ran)
        ran.outputs = {name: _filled(one["value"], given, ran) for name, one in action["outputs"].items()}
        return ran

    def _step(self, step: dict[str, Any], given: dict[str, str], ran: Ran) -> None:
        if "uses" in step:
            ran.used[step["uses"].split("@")[0]] = {
                k: _filled(v, given, ran) for k, v in step["with"].items()
            }
            return
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_bytes(b"")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={
                **self.environment,
                **{name: str(path) for name, path in files.items()},
                **{name: _filled(value, given, ran) for name, value in step["env"].items()},
                "GITHUB_ACTION_PATH": str(self.action),
                "GITHUB_WORKSPACE": str(self.workspace),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        ran.log += done.stdout.decode("utf-8", errors="replace")
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        ran.steps[step["id"]] = _outputs(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
        ran.code = ran.code or done.returncode


def _holds(condition: str, given: dict[str, str], ran: Ran) -> bool:
    """Whether a step runs: as GitHub does, not after a failure unless the condition says so."""
    inner = condition.removeprefix("${{").removesuffix("}}").strip()
    if ran.code and "cancelled()" not in inner:
        return False
    left = _TERM.sub("", inner)
    assert not left, f"this runner does not know {left!r}"
    words = _VALUE.sub(lambda found: repr(_value(found, given, ran)), inner)
    return bool(eval(words.replace("!cancelled()", "True").replace("&&", " and ") or "True"))


def _filled(text: str, given: dict[str, str], ran: Ran) -> str:
    """A text with the value of each expression in its place."""

    def fill(expression: re.Match[str]) -> str:
        found = _VALUE.fullmatch(expression[1])
        assert found, f"this runner does not know {expression[1]!r}"
        return _value(found, given, ran)

    return re.sub(r"\$\{\{ (.+?) \}\}", fill, text)


def _value(found: re.Match[str], given: dict[str, str], ran: Ran) -> str:
    name, step, output, github = found.groups()
    if name:
        return given[name]
    return GITHUB[github] if github else ran.steps.get(step, {}).get(output, "")


def _outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT's content, as the runner reads it: NAME=VALUE, or NAME<<MARK, lines, MARK."""
    held: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, several, mark = line.partition("<<")
        if several:
            value = []
            while (inner := next(lines)) != mark:
                value.append(inner)
            held[name] = "\n".join(value)
        else:
            name, _, held[name] = line.partition("=")
    return held


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what a developer's shell may hold of ours."""
    ours = ("MOBILEBERT_BENCH_DATA", "PYTHON", "COLUMNS")
    return {name: value for name, value in os.environ.items() if name not in ours} | more
