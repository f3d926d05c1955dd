"""What tests/perf/recipes.py measured, as the page docs/recipes.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.lengths import DEFAULT_LENGTHS
from export.recipes import RECIPES
from results.stats import over_launches
from tests.perf.compare import LEVEL

# Two packages hold the same converter.
_VERSIONS = {"tensorflow-cpu": "TensorFlow", "tensorflow": "TensorFlow", "ai-edge-litert": "LiteRT"}
_VERSIONS |= {"tflite-runtime": "tflite-runtime", "python": "Python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """Predictions and logits beside float32's; errors as shares of float32's largest logit, shares 0 to 1."""

    rows: int
    agreement: float
    worst_error: float
    rms_error: float
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recipe of the seeded network. `ms`, `float32_ms`: of the same rounds."""

    recipe: str
    megabytes: float
    ms: tuple[float, ...]
    float32_ms: tuple[float, ...]
    peak_megabytes: float
    share_inside: float
    partitions: int
    fidelity: Fidelity
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """One recipe by tflite-runtime. `litert_ms`: by LiteRT in the same rounds."""

    recipe: str
    ms: tuple[float, ...]
    litert_ms: tuple[float, ...]
    fidelity: Fidelity


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of it. `refused`, and the words in `trained`: why there is no file."""

    setting: dict[str, Any]
    pairs: str
    rows_used: int
    training: str
    rows: tuple[Row, ...]
    refused: dict[str, str]
    old: tuple[Old, ...]
    trained: tuple[tuple[str, Fidelity | str], ...]


_HEAD = """# Recipes: what each one is, costs and keeps

Written by `make recipes`; do not edit. Measured on {day} on one machine ({processor}), {versions}.
Machines differ: use the ratios.

## What a name stands for
{meanings}

## Size, time and rounding: seeded weights
The true architecture with **seeded random weights**: they say what a recipe costs and how much it rounds, and
nothing of accuracy. Every file has signatures for {lengths} tokens over one copy of the weights.
- Latency: one inference padded to 128 tokens, batch 1, one thread, LiteRT; the median over {rounds} rounds
  in which all recipes took turns, in processor time, which is the wall time of an idle machine. The ratio to
  float32 is of the same rounds, with its {level:.0%} interval.
- Peak memory: of the device program on this machine, where it runs the signature for 128 tokens.
- Inside XNNPACK: share of the multiply-adds, in the signature that has the least.
- Agreement: the same prediction as the float32 file's, on {rows} pairs ({pairs}), each by the shortest
  signature that holds it. Errors of logits are shares of float32's largest logit.
- Calibrated recipes saw {training}.

{seeded}
{notes}
### By tflite-runtime, {old_rows} pairs
It is given the files of these recipes only: it knows no dense layers with a scale per channel, and of a
float16 file with three or more signatures version 2.14.0 computes some wrongly, without an error (87.8 %
agreement; with one signature it is right). Both runtimes by their Python interpreters, in turn, one thread.

{old}

## Accuracy: a small trained network
`examples/train_small.py` trains a network of the same parts (4 layers, 128 channels, 2 feed-forward networks
a layer) on a rule-made task. Here are its 3,000 held-out pairs; 256 of its training pairs served for
calibration. An export of trained weights that disagrees with float32 on more than 1 % of the pairs that
calibrated it is refused; of seeded ones, whose predictions are chance, it only says so.

{trained}
"""


def write(page: Page) -> str:
    """The page as Markdown."""
    return _HEAD.format(
        day=page.setting["day"],
        processor=page.setting["processor"],
        versions=_versions(page.setting["versions"]),
        meanings=_meanings(),
        lengths=", ".join(map(str, DEFAULT_LENGTHS)),
        rounds=len(page.rows[0].ms),
        level=LEVEL,
        rows=f"{page.rows_used:,}",
        pairs=page.pairs,
        training=page.training,
        seeded=_seeded(page.rows),
        notes=_notes(page),
        old_rows=page.old[0].fidelity.rows,
        old=_old(page.old),
        trained=_trained(page.trained),
    )


def _meanings() -> str:
    names = ("recipe", "weights", "activations of dense layers", "residual sums", "attention", "rewrites")
    return _table(
        names,
        (
            (name, r.weights, r.activations, r.streams, r.attention, ", ".join(r.rewrites))
            for name, r in RECIPES.items()
        ),
    )


def _seeded(rows: Sequence[Row]) -> str:
    return _table(
        (
            *("recipe", "file, MB", "latency, ms", "of float32", "peak memory, MB", "inside XNNPACK"),
            *("agreement", "worst logit error", "root mean square"),
        ),
        (
            (
                row.recipe,
                f"{row.megabytes:.1f}",
                f"{np.median(row.ms):.2f}",
                _ratio(row.ms, row.float32_ms),
                f"{row.peak_megabytes:.0f}",
                _percent(row.share_inside),
                *_kept(row.fidelity, reference=row.recipe == "float32"),
            )
            for row in rows
        ),
    )


def _notes(page: Page) -> str:
    said = [f"- {name} is refused: {why}" for name, why in page.refused.items()]
    said += [f"- {row.recipe}: {warning}" for row in page.rows for warning in row.warnings]
    return "\n".join(["", "What the exports themselves said:", *said, ""]) if said else ""


def _old(rows: Sequence[Old]) -> str:
    names = ("recipe", "latency, ms", "of LiteRT's", "agreement", "worst logit error", "root mean square")
    return _table(
        names,
        (
            (row.recipe, f"{np.median(row.ms):.1f}", _ratio(row.ms, row.litert_ms), *_kept(row.fidelity))
            for row in rows
        ),
    )


def _trained(rows: Sequence[tuple[str, Fidelity | str]]) -> str:
    names = ("recipe", "accuracy", "agreement", "worst logit error", "root mean square")
    return _table(
        names,
        (
            (name, "refused", found, "", "")
            if isinstance(found, str)
            else (name, _percent(found.accuracy), *_kept(found, reference=name == "float32"))
            for name, found in rows
        ),
    )


def _kept(found: Fidelity, *, reference: bool = False) -> tuple[str, ...]:
    if reference:
        return ("the reference", "", "")
    return (_percent(found.agreement), f"{found.worst_error:.2g}", f"{found.rms_error:.2g}")


def _ratio(above: Sequence[float], below: Sequence[float]) -> str:
    estimate = over_launches(np.array(above) / np.array(below), LEVEL)
    if estimate.interval is None:
        return f"{estimate.value:.3g}"
    return f"{estimate.value:.3g} [{estimate.interval.low:.3g}, {estimate.interval.high:.3g}]"


def _percent(share: float | None) -> str:
    """Never rounded up to a whole that it is not."""
    if share is None:
        return ""
    return "100 %" if share == 1 else f"{min(100 * share, 99.99):.2f} %"


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{shown} {versions[name]}" for name, shown in _VERSIONS.items() if name in versions)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
