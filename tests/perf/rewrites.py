"""What each exact rewrite saves: the default recipe's added one after the other to the plain network."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from export.checkpoint import open_checkpoint
from tests.perf.compare import line, ratio, save, spread
from tests.perf.models import in_turn, rewritten

ROUNDS = 20
# In this order each has what it needs; the last takes the place of the multiply that scale_residuals leaves.
STEPS = (
    "fold_norms",
    "scale_residuals",
    "fold_score_scale",
    "first_token_only",
    "merge_query_key",
    "merge_readers",
)
INSTEAD = {"scale_residuals": "fold_residuals"}


def main() -> None:
    """Print a line for each step and write build/perf/rewrites.json."""
    checkpoint = open_checkpoint("seeded")
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = {"plain": rewritten(folder / "flat.tflite", checkpoint, (), flat=True)}
        for count in range(len(STEPS) + 1):
            shown = f"+ {STEPS[count - 1]}" if count else "activations with the batch's axis"
            made[shown] = rewritten(folder / f"{count}.tflite", checkpoint, STEPS[:count])
        folded = [INSTEAD.get(step, step) for step in STEPS]
        made["fold_residuals in the place of scale_residuals"] = rewritten(
            folder / "folded.tflite", checkpoint, folded
        )
        taken_ms = in_turn(ROUNDS, {shown: (path, None) for shown, path in made.items()})
    before = taken_ms["plain"]
    for shown, spent in taken_ms.items():
        line(
            shown,
            spread(spent, "ms"),
            f"{ratio(spent, before)} of the line before",
            f"{ratio(spent, taken_ms['plain'])} of plain",
        )
        before = spent
    save("rewrites", {"rounds": ROUNDS, "ms": taken_ms})
