"""All tests in two processes at once, one a core: `python -m tests.halves`, what `make test` starts.

What no device program has a part in runs beside the rest. Tests that start one stay in one process, for a
second device program on this machine is refused as busy. A new test file belongs to the rest.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence

BESIDE = (
    *("tests/export", "tests/results", "tests/report", "tests/test_fuzz.py"),
    *("tests/benchmark/test_full_size.py", "tests/benchmark/test_outlier_row.py"),
    # Their device programs run inside machines of their own, where nobody else's are seen.
    *("tests/android_runner/test_machines.py", "tests/benchmark/test_machines.py"),
)
REST = tuple(f"--ignore={path}" for path in BESIDE)
_PYTEST = (sys.executable, "-m", "pytest")
# Each keeps what it remembers of its last run to itself.
_CACHE = ("-o", "cache_dir=.pytest_cache/beside")
_INTERRUPTED = 130


def main() -> None:
    """Both halves, and the exit code of both."""
    raise SystemExit(run((*_PYTEST, *REST), (*_PYTEST, *_CACHE, *BESIDE)))


def run(rest: Sequence[str], beside: Sequence[str]) -> int:
    """0 where both commands gave 0, 1 where one did not, 130 where they were ended.

    `rest` prints as it goes; what `beside` prints follows when both have ended.
    """
    halves: list[subprocess.Popen[bytes]] = []
    signals: list[int] = []

    def end(number: int, frame: object) -> None:
        signals.append(number)
        if number == signal.SIGTERM:  # a terminal's Ctrl-C reaches the halves, `kill` only this process
            for half in halves:
                half.send_signal(signal.SIGINT)  # so that fixtures are taken down

    # The halves inherit neither: where this was started in the background, Ctrl-C would be ignored in them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with tempfile.TemporaryFile() as log:
        halves.append(subprocess.Popen(rest))
        halves.append(subprocess.Popen(beside, stdout=log, stderr=subprocess.STDOUT))
        codes = [half.wait() for half in halves]
        print("\n" + " beside them ".center(80, "="), flush=True)
        log.seek(0)
        sys.stdout.buffer.write(log.read())
        sys.stdout.flush()
    return _INTERRUPTED if signals else int(any(codes))


if __name__ == "__main__":
    main()
