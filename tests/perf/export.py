"""The default export against a plain one, against the runtime's own best rate, and over MNLI's lengths.

"Plain" has one operation for each of PyTorch's, on 2-D tensors, without rewrites, by the same recipe. "The
square rate" is what the same runtime reaches in dense layers of 1024 x 1024. All in one interleaved run.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from export.architecture import count_multiply_adds, signature_key
from export.artifact import build
from export.checkpoint import Checkpoint, open_checkpoint
from export.lengths import DEFAULT_LENGTHS, assign
from export.recipes import DEFAULT_RECIPE
from tests.perf.compare import line, ratio, save, spread
from tests.perf.models import LENGTH, SQUARE_MULTIPLY_ADDS, in_turn, rewritten, square_layers
from tests.perf.rows import mnli

ROUNDS = 20


def main() -> None:
    """Print the table and write build/perf/export.json."""
    checkpoint = open_checkpoint("seeded")
    ours = build(checkpoint, DEFAULT_RECIPE, DEFAULT_LENGTHS).model_path
    with TemporaryDirectory() as name:
        plain = rewritten(Path(name) / "plain.tflite", checkpoint, (), flat=True)
        square = square_layers(Path(name) / "square.tflite")
        ways: dict[str, tuple[Path, str | None]] = {
            "square": (square, None),
            "plain": (plain, None),
            **{signature_key(n): (ours, signature_key(n)) for n in DEFAULT_LENGTHS},
        }
        taken_ms = in_turn(ROUNDS, ways)
    rates = _rates(taken_ms, count_multiply_adds(checkpoint.config, LENGTH))
    padded = taken_ms[signature_key(LENGTH)]
    line("the square rate", spread(rates["square"], "GMAC/s"), spread(taken_ms["square"], "ms"))
    line(
        "plain",
        spread(taken_ms["plain"], "ms"),
        f"{ratio(rates['plain'], rates['square'])} of the square rate",
        target=">= 0.55",
    )
    line(
        f"{DEFAULT_RECIPE}, padded to {LENGTH}",
        spread(padded, "ms"),
        f"{ratio(padded, taken_ms['plain'])} of plain's time",
        target="<= 0.90",
    )
    line(
        f"{DEFAULT_RECIPE}, padded to {LENGTH}",
        spread(rates["padded"], "GMAC/s"),
        f"{ratio(rates['padded'], rates['square'])} of the square rate",
        target=">= 0.64",
    )
    for length in DEFAULT_LENGTHS[:-1]:
        spent = taken_ms[signature_key(length)]
        line(f"{length} tokens", spread(spent, "ms"), f"{ratio(spent, taken_ms['plain'])} of plain's time")
    shares = _shares(checkpoint)
    shortest: list[float] = []
    if shares is None:
        line(
            "shortest over MNLI's lengths", "skipped: the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)"
        )
    else:
        shortest = _mean_ms(shares, [taken_ms[signature_key(n)] for n in DEFAULT_LENGTHS])
        shown = ", ".join(f"{n}: {share:.1%}" for n, share in zip(DEFAULT_LENGTHS, shares, strict=True))
        line(
            f"shortest over MNLI's lengths ({shown})",
            spread(shortest, "ms"),
            f"{ratio(shortest, taken_ms['plain'])} of plain's time",
            target="<= 0.42",
        )
    save("export", {"rounds": ROUNDS, "ms": {**taken_ms, "shortest": shortest}, "gmac_per_s": rates})


def _mean_ms(shares: NDArray[np.float64], taken_ms: Iterable[list[float]]) -> list[float]:
    """The mean over rows in each round. `shares`: of the rows, those that each length runs."""
    return [float(value) for value in shares @ np.array(list(taken_ms))]


def _shares(checkpoint: Checkpoint) -> NDArray[np.float64] | None:
    """Of all MNLI matched pairs, those that each default length runs; None where they are not at hand."""
    pairs = mnli(checkpoint)
    if pairs is None:
        return None
    chosen = assign(pairs.sequences.attention_mask, DEFAULT_LENGTHS, "shortest")
    return np.array([np.mean(chosen == length) for length in DEFAULT_LENGTHS])


def _rates(taken_ms: dict[str, list[float]], multiply_adds: int) -> dict[str, list[float]]:
    """GMAC/s, with all of the network's arithmetic as numerator, whatever a rewrite skips."""
    work = {"square": ("square", SQUARE_MULTIPLY_ADDS), "plain": ("plain", multiply_adds)}
    work["padded"] = (signature_key(LENGTH), multiply_adds)
    return {name: [count / ms / 1e6 for ms in taken_ms[way]] for name, (way, count) in work.items()}
