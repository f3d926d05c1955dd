"""`python -m tests.fuzz [NAME ...] [--inputs N]`: coverage-guided fuzzing of what reads a device's words.

The parsers and their good texts are those of tests/test_fuzz.py. Each gets a process of its own, an equal
share of the inputs, and the same seed every time.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.corpus import write_dictionary, write_seeds
from tests.test_fuzz import TEXTS

INPUTS = 1_200_000
_FOLDER = Path(__file__).parents[2] / "build" / "fuzz"
_LIMITS = ("-timeout=5", "-rss_limit_mb=4096", "-max_len=4096", "-seed=1", "-print_final_stats=1")
_EXECUTED = re.compile(r"stat::number_of_executed_units: *(\d+)")


def main() -> None:
    """Print a line per parser and the sum; end with 1 where one crashed, hung, or broke a property."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TEXTS)}")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="of all parsers together")
    asked = parser.parse_args()
    names = asked.names or list(TEXTS)
    if unknown := set(names) - set(TEXTS):
        raise SystemExit(f"no parser {', '.join(sorted(unknown))}; there are {', '.join(TEXTS)}")
    began = time.monotonic()
    done = {name: fuzz(name, -(-asked.inputs // len(names))) for name in names}
    inputs, seconds = sum(one[0] for one in done.values()), time.monotonic() - began
    findings = [name for name, (_, sound) in done.items() if not sound]
    print(f"{inputs:,} inputs in {seconds:.0f} s, {len(findings)} findings{_listed(findings)}", flush=True)
    if findings or inputs < asked.inputs:
        raise SystemExit(1)


def fuzz(name: str, inputs: int) -> tuple[int, bool]:
    """How many inputs one parser got, and whether it withstood them."""
    folder = _FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    found, seeds = folder / "found", folder / "seeds"
    for made in (found, seeds):
        made.mkdir(parents=True)
    good = TEXTS[name][1]
    write_seeds(good, seeds)
    dictionary = write_dictionary(good, folder / "dictionary")
    argv = [
        *(sys.executable, "-m", "tests.fuzz.target", name, f"-runs={inputs}", *_LIMITS),
        *(f"-dict={dictionary}", f"-artifact_prefix={folder}/", str(found), str(seeds)),
    ]
    began = time.monotonic()
    run = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    seconds = time.monotonic() - began
    counted = _EXECUTED.search(run.stderr)
    executed = int(counted[1]) if counted else 0
    sound = run.returncode == 0
    print(
        f"{name}: {executed:,} inputs, {executed / seconds:,.0f} a second, {'sound' if sound else 'FOUND'}",
        flush=True,
    )
    if not sound:
        (folder / "log").write_text(run.stdout + run.stderr, encoding="utf-8")
        kept = sorted(path.name for path in folder.iterdir() if "-" in path.name)
        print(f"  {_why(run.stdout + run.stderr)}\n  {folder}: log {' '.join(kept)}", flush=True)
    return executed, sound


def _why(text: str) -> str:
    """The exception's line, or libFuzzer's own summary."""
    lines = [line.strip() for line in text.splitlines()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    summary = [line for line in lines if line.startswith(("SUMMARY:", "ALARM:"))]
    return next(iter((*errors[-1:], *summary[-1:])), "no word of what happened")


def _listed(names: list[str]) -> str:
    return f": {', '.join(names)}" if names else ""


if __name__ == "__main__":
    main()
