"""`python -m tests.perf [NAME ...]`: run the benchmarks, or those named; each prints one line or a few.

Ratios of things run in turn; nothing fails on time, which depends on the machine and its neighbours.
"""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = (
    "startup",
    "device_program",
    "overhead",
    "html",
    "accuracy",
    "cluster",
    "export",
    "rewrites",
    "rounding",
    "lengths",
    "conversion",
    "push",
    "gate",
)


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, or all."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        importlib.import_module(f"tests.perf.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
