"""The 8-bit error of the ways to deal with the norms behind residuals, on weights whose norms vary."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from export import calibration, convert, evaluate, graph, rewrite
from export.calibration import Ranges, TrainingRows
from export.network import Network, from_tensors
from export.parity import Sequence, draw_sequences
from export.recipes import DEFAULT_RECIPE, recipe
from export.runtime import open_runtime
from export.seeded import CONFIG, seeded_tensors
from tests.perf.compare import line, save

LENGTH, ROWS, SEEDS, CALIBRATION_ROWS = 32, 100, (1, 2), 32
LOG_SDS = (0.1, 0.3, 0.5)
# All 24 layers, a quarter of the width: what decides is how many norms follow one another.
NARROW = dataclasses.replace(
    CONFIG,
    vocab_size=500,
    hidden_size=128,
    intra_bottleneck_size=64,
    intermediate_size=128,
    embedding_size=32,
    max_position_embeddings=64,
)
_OTHERS = ("fold_norms", "fold_score_scale", "first_token_only", "merge_query_key", "merge_readers")
WAYS = {
    "plain": (),
    "scale_residuals": (*_OTHERS, "scale_residuals"),
    "fold_residuals": (*_OTHERS, "fold_residuals"),
    "scale_residuals and equalize": (*_OTHERS, "scale_residuals", "equalize"),
    "fold_residuals and equalize": (*_OTHERS, "fold_residuals", "equalize"),
}

Logits = NDArray[np.float32]


def main() -> None:
    """Print a line for each spread of the norms and write build/perf/rounding.json."""
    drawn = draw_sequences(NARROW, LENGTH, ROWS + CALIBRATION_ROWS)
    # Of every length both: the drawn ones grow from the first to the last.
    seen = drawn[:: len(drawn) // CALIBRATION_ROWS][:CALIBRATION_ROWS]
    tested = [each for each in drawn if not any(each is other for other in seen)]
    found: dict[str, dict[str, list[float]]] = {}
    for log_sd in LOG_SDS:
        errors: dict[str, list[float]] = {name: [] for name in WAYS}
        for seed in SEEDS:
            network = from_tensors(NARROW, varied_tensors(log_sd, seed))
            reference = np.stack([evaluate.logits(network, s.ids, s.mask, s.types) for s in tested])
            for name, rewrites in WAYS.items():
                errors[name].append(_error(network, rewrites, seen, tested, reference))
        found[str(log_sd)] = errors
        line(
            f"{DEFAULT_RECIPE}, norms with log-sd {log_sd}, {len(tested)} rows, rms error of the scale",
            *(f"{name} {' and '.join(f'{e:.3g}' for e in each)}" for name, each in errors.items()),
        )
    save("rounding", {"rows": len(tested), "seeds": SEEDS, "errors": found})


def varied_tensors(log_sd: float, seed: int) -> dict[str, NDArray[np.float32]]:
    """NARROW's seeded tensors with norms that vary by log-normal factors of mean 1, and Gaussian weights.

    Weights of one magnitude, as the seeded ones are, lose nothing in 8 bits, which would hide a part.
    """
    tensors = seeded_tensors(NARROW, seed)
    generator = np.random.default_rng(seed)
    for name, values in tensors.items():
        if name.endswith("LayerNorm.weight"):
            factors = np.exp(generator.normal(-(log_sd**2) / 2, log_sd, values.shape))
            tensors[name] = (values * factors).astype(np.float32)
        elif values.ndim == 2 and not name.endswith("_embeddings.weight"):
            gaussian = np.abs(values).mean() * generator.standard_normal(values.shape)
            tensors[name] = gaussian.astype(np.float32)
    return tensors


def _error(
    network: Network,
    rewrites: tuple[str, ...],
    seen: tuple[Sequence, ...],
    tested: list[Sequence],
    reference: Logits,
) -> float:
    """Root mean square of the 8-bit file's logits less float32's, as a share of the largest logit."""
    rows = TrainingRows(
        ids=np.stack([s.ids for s in seen]),
        mask=np.stack([s.mask for s in seen]),
        types=np.stack([s.types for s in seen]),
        name="drawn sequences",
        sha256="",
    )

    def measure(before: Network) -> Ranges:
        return calibration.observe(before, rows)

    changed = rewrite.apply(network, rewrites, measure)
    made = convert.convert(graph.of(changed), recipe(DEFAULT_RECIPE), (LENGTH,))
    with TemporaryDirectory() as name:
        path = Path(name) / "model.tflite"
        path.write_bytes(made.model)
        run = open_runtime(path, threads=1).logits
        logits = np.stack([run(s.ids, s.mask, s.types) for s in tested])
    return float(np.sqrt(np.square(logits - reference).mean()) / np.abs(reference).max())
