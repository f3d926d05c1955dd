"""`python -m tests.fuzz.target NAME [libFuzzer's options]`: one parser under libFuzzer, in this process.

An error of ours is an answer; any other exception, a broken property, and 5 s for one input are findings.
"""

from __future__ import annotations

import contextlib
import sys

import atheris

# Before anything else imports them: only what is imported here is instrumented.
with atheris.instrument_imports(include=["android_runner"]):
    from tests.fuzz.properties import check
    from tests.test_fuzz import TEXTS

from results.errors import HarnessError


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    name = sys.argv[1]
    read, _ = TEXTS[name]

    def one_input(data: bytes) -> None:
        with contextlib.suppress(HarnessError):
            # As Completed.text makes text of a device's bytes.
            check(read(data.decode("utf-8", errors="replace").replace("\r\n", "\n")))

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
