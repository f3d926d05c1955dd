"""`python -m tests.perf.recipes [--rows N] [--out FILE]`: what every recipe costs and keeps: docs/recipes.md.

Seeded weights in the true architecture for size, time and rounding, since the trained checkpoint cannot be
had everywhere; a small trained checkpoint for accuracy, of which seeded weights say nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from android_runner.bundle import host_bundle
from android_runner.sequences import Sequences
from benchmark.config import Config
from benchmark.host_logits import host_logits
from benchmark.inputs import Prepared, prepare
from benchmark.listener import Listener
from benchmark.training import training_rows
from examples.rule_task import make_pairs
from export.architecture import signature_key
from export.artifact import ArtifactFiles, build
from export.calibration import TrainingRows
from export.checkpoint import Checkpoint, open_checkpoint
from export.delegation import read_delegation
from export.lengths import DEFAULT_LENGTHS
from export.recipes import RECIPES
from export.runtime import open_runtime
from results.errors import HarnessError
from tests.android_runner.program import arguments, samples_at, start
from tests.benchmark.small import EXAMPLE
from tests.perf.compare import alternate, save, setting
from tests.perf.models import LENGTH, in_turn
from tests.perf.recipes_page import Fidelity, Old, Page, Row, write
from tests.perf.rows import mnli

ROOT = Path(__file__).parents[2]
REFERENCE, OLD = "float32", "tflite-runtime"
ROUNDS = 10
OLD_ROWS, OLD_ROUNDS = 500, 5
TRAINED = ROOT / "build" / "perf" / "trained"
SHORT = 24  # every pair of the small task is shorter
_TRAINING_SEED, _TRAINING_ROWS = 1, 256  # rows that the trained checkpoint was trained with

Logits = NDArray[np.float32]


def main(words: list[str] | None = None) -> None:
    """Measure every recipe and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.recipes", description=__doc__)
    parser.add_argument("--rows", type=int, help="MNLI pairs for agreement; all by default")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "recipes.md")
    asked = parser.parse_args(words)
    checkpoint = open_checkpoint("seeded")
    pairs = mnli(checkpoint, rows=asked.rows) or _example(checkpoint)
    training = training_rows(Config(lengths=DEFAULT_LENGTHS), checkpoint)
    made, refused = _build(checkpoint, DEFAULT_LENGTHS, training)
    page = Page(
        setting=setting(),
        pairs=pairs.pairs.name,
        rows_used=pairs.pairs.rows_used,
        training=f"{len(training.ids)} pairs of {training.name}",
        rows=_rows(made, pairs.sequences),
        refused=refused,
        old=_old(made, pairs.sequences),
        trained=_trained(),
    )
    asked.out.write_text(write(page), encoding="utf-8")
    save("recipes", asdict(page))


def _build(
    checkpoint: Checkpoint, lengths: tuple[int, ...], training: TrainingRows
) -> tuple[dict[str, ArtifactFiles], dict[str, str]]:
    """The artifact of every recipe; of those that are refused, why."""
    made, refused = {}, {}
    for name in RECIPES:
        _say(f"exporting {name}")
        try:
            made[name] = build(checkpoint, name, lengths, rows=training)
        except HarnessError as err:
            refused[name] = err.what
    return made, refused


def _rows(made: dict[str, ArtifactFiles], sequences: Sequences) -> tuple[Row, ...]:
    _say("timing")
    key = signature_key(LENGTH)
    ms = in_turn(ROUNDS, {name: (files.model_path, key) for name, files in made.items()})
    reference = _logits(made[REFERENCE], sequences)
    rows = []
    for name, files in made.items():
        logits = reference if name == REFERENCE else _logits(files, sequences)
        delegations = read_delegation(files.model_path)
        rows.append(
            Row(
                recipe=name,
                megabytes=files.artifact.model_bytes / 1e6,
                ms=tuple(ms[name]),
                float32_ms=tuple(ms[REFERENCE]),
                peak_megabytes=_peak_bytes(files.model_path, sequences) / 1e6,
                share_inside=min(each.share for each in delegations if each.share is not None),
                partitions=max(each.partitions for each in delegations),
                fidelity=_fidelity(reference, logits, gold=None),
                warnings=files.artifact.warnings,
            )
        )
    return tuple(rows)


def _logits(files: ArtifactFiles, sequences: Sequences, runtime: str = "ai-edge-litert") -> Logits:
    _say(f"{files.artifact.recipe}: {len(sequences.row_ids)} pairs by {runtime}")
    logits, _ = host_logits(
        files, sequences, runtime=runtime, threads=1, listener=Listener(), policy="shortest"
    )
    return logits


def _fidelity(reference: Logits, logits: Logits, gold: NDArray[np.int64] | None) -> Fidelity:
    predicted = logits.argmax(axis=1)
    scale = float(np.abs(reference).max())
    error = np.abs(logits - reference) / scale
    return Fidelity(
        rows=len(logits),
        agreement=float((predicted == reference.argmax(axis=1)).mean()),
        worst_error=float(error.max()),
        rms_error=float(np.sqrt(np.square(error).mean())),
        accuracy=None if gold is None else float((predicted == gold).mean()),
    )


def _peak_bytes(model: Path, sequences: Sequences) -> int:
    """Of the device program, which is C and brings nothing else along, padded to LENGTH."""
    with TemporaryDirectory() as name:
        rows, out = Path(name) / "rows.seq", Path(name) / "out"
        sequences.take(np.arange(7)).write(rows)
        ended = start(host_bundle(), arguments(model, rows, out))
        assert ended.exit_code == 0, ended.stderr
        return samples_at(out).peak_rss_bytes


def _old(made: dict[str, ArtifactFiles], sequences: Sequences) -> tuple[Old, ...]:
    """Recipes that tflite-runtime loads: the same pairs by both runtimes, and its time beside LiteRT's."""
    few = sequences.take(np.arange(min(OLD_ROWS, len(sequences.row_ids))))
    able = {name: files for name, files in made.items() if RECIPES[name].tflite_runtime}
    reference = _logits(made[REFERENCE], few)
    rows = []
    for name, files in able.items():
        ways = [_interpreted(files.model_path, runtime) for runtime in (OLD, "ai-edge-litert")]
        old_ms, new_ms = alternate(OLD_ROUNDS, *ways)
        fidelity = _fidelity(reference, _logits(files, few, OLD), gold=None)
        rows.append(Old(recipe=name, ms=tuple(old_ms), litert_ms=tuple(new_ms), fidelity=fidelity))
    return tuple(rows)


def _interpreted(model: Path, runtime: str) -> Callable[[], float]:
    """Milliseconds of processor time of one run of LENGTH tokens in a Python interpreter, one thread."""
    run = open_runtime(model, runtime=runtime, threads=1, signature=signature_key(LENGTH)).logits
    ones = np.ones(LENGTH, np.int32)

    def once() -> float:
        run(ones, ones, ones)
        before = time.thread_time()
        run(ones, ones, ones)
        return 1000 * (time.thread_time() - before)

    return once


def _trained() -> tuple[tuple[str, Fidelity | str], ...]:
    """The small trained checkpoint by every recipe: what it still knows, or why the export refuses."""
    if not (TRAINED / "model.safetensors").is_file():
        _say("training the small checkpoint")
        subprocess.run([sys.executable, ROOT / "examples" / "train_small.py", TRAINED], check=True)
    checkpoint = open_checkpoint(str(TRAINED))
    pairs = _prepared(checkpoint, TRAINED / "pairs.tsv", TRAINED / "vocab.txt", length=SHORT)
    with TemporaryDirectory() as name:
        table = Path(name) / "training-pairs.tsv"
        _write_training_pairs(table)
        config = Config(pairs=TRAINED / "pairs.tsv", calibration=table, lengths=(SHORT,))
        made, refused = _build(checkpoint, (SHORT,), training_rows(config, checkpoint))
    reference = _logits(made[REFERENCE], pairs.sequences)
    found = {
        name: _fidelity(reference, _logits(files, pairs.sequences), pairs.gold)
        for name, files in made.items()
    }
    return tuple((name, refused[name] if name in refused else found[name]) for name in RECIPES)


def _write_training_pairs(path: Path) -> None:
    """Pairs that examples/train_small.py trains with, and does not hold out: the first of its own."""
    held_out = frozenset(make_pairs(3_000, seed=_TRAINING_SEED - 1))
    pairs = make_pairs(30_000, seed=_TRAINING_SEED, without=held_out)[:_TRAINING_ROWS]
    rows = (f"{n}\t{pair.premise}\t{pair.hypothesis}\t{pair.label}\n" for n, pair in enumerate(pairs))
    path.write_text("index\tsentence1\tsentence2\tgold_label\n" + "".join(rows), encoding="utf-8")


def _example(checkpoint: Checkpoint) -> Prepared:
    return _prepared(checkpoint, EXAMPLE / "pairs.tsv", EXAMPLE / "vocab.txt", length=LENGTH)


def _prepared(checkpoint: Checkpoint, pairs: Path, vocabulary: Path, *, length: int) -> Prepared:
    return prepare(
        Config(pairs=pairs, vocab=vocabulary),
        length=length,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=False,
        checkpoint_vocabulary=None,
    )


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
