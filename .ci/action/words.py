"""The words of $ARGUMENTS, quoted as in a shell, each ended by a NUL; nothing in them is expanded or run."""

from __future__ import annotations

import os
import shlex
import sys


def main() -> None:
    """Print them; ends with 2, "wrong call", where a quote is left open."""
    try:
        words = shlex.split(os.environ["ARGUMENTS"])
    except ValueError as err:
        print(f"::error title=mobilebert-bench::args: {err}", file=sys.stderr)
        raise SystemExit(2) from err
    sys.stdout.write("".join(f"{word}\0" for word in words))


if __name__ == "__main__":
    main()
