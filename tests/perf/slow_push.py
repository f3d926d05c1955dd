"""push.py's second half, run in a network namespace of its own, whose loopback it slows down to 40 MB/s."""

from __future__ import annotations

import subprocess

from tests.perf.compare import line, ratio, save, spread
from tests.perf.push import compare

FILE_MB, ROUNDS, RATE_MB_PER_S = 60, 5, 40
# Segments as on a real network; a bucket of 6 ms, and room for 50 ms of packets that wait.
_COMMANDS = (
    "ip link set lo mtu 1500 up",
    f"tc qdisc add dev lo root tbf rate {8 * RATE_MB_PER_S}mbit burst 256kb latency 50ms",
)


def main() -> None:
    """A push and a plain socket's transfer over that link, in turn."""
    for command in _COMMANDS:
        subprocess.run(command.split(), check=True)
    ours, plain = compare(FILE_MB, ROUNDS)
    line(
        f"push, {FILE_MB} MB, a link of {RATE_MB_PER_S} MB/s",
        spread(ours, "MB/s"),
        f"plain socket {spread(plain, 'MB/s')}",
        f"{ratio(ours, plain)} of it",
        target=">= 0.95",
    )
    save("slow_push", {"mb_per_s": ours, "plain_socket_mb_per_s": plain})


if __name__ == "__main__":
    main()
