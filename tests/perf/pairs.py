"""MNLI's pairs as the benchmarks take them: from the file where it is at hand, read and tokenized anew.

MOBILEBERT_BENCH_PERF_ROWS: so many pairs instead of all, for a quick look.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.accuracy import job_of
from benchmark.config import Config
from benchmark.inputs import Prepared, prepare
from benchmark.listener import Listener
from benchmark.predict import Predicted, predict
from benchmark.workers.job import Workers
from export.artifact import ArtifactFiles
from export.lengths import CLAIM_LENGTH
from export.seeded import CONFIG, LABELS
from results.predictions import write_predictions
from tests.benchmark.small import EXAMPLE

ROWS_VARIABLE = "MOBILEBERT_BENCH_PERF_ROWS"
_ALL = 9815  # of MNLI's matched set

RUNTIME = "ai-edge-litert"

Pair = tuple[str, str, str, str]  # index, premise, hypothesis, label


def data_files() -> tuple[Path, Path, bool]:
    """Pairs and vocabulary: MNLI's where they are at hand, else the example's; whether they are MNLI's."""
    folder = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data")
    real = (folder / "mnli_dev_matched.tsv").is_file()
    pairs, vocabulary = (folder / "mnli_dev_matched.tsv", folder / "vocab.txt")
    return (pairs, vocabulary, real) if real else (EXAMPLE / "pairs.tsv", EXAMPLE / "vocab.txt", real)


def mnli_pairs() -> tuple[list[Pair], Path, str]:
    """Pairs spread over MNLI's, or else the example pairs again and again; their vocabulary; whose."""
    rows = int(os.environ.get(ROWS_VARIABLE) or _ALL)
    path, vocabulary, real = data_files()
    header, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    names = header.split("\t")
    columns = [names.index(name) for name in ("sentence1", "sentence2", "gold_label")]
    step = max(1, len(lines) // rows)
    chosen = [
        lines[step * row % len(lines)].split("\t") for row in range(min(rows, len(lines)) if real else rows)
    ]
    found = [(str(number), *(fields[at] for at in columns)) for number, fields in enumerate(chosen)]
    return found, vocabulary, "MNLI matched" if real else "example pairs, repeated"  # type: ignore[return-value]


def written(pairs: list[Pair], folder: Path) -> Path:
    path = folder / f"{len(pairs)}.tsv"
    lines = ["\t".join(("index", "sentence1", "sentence2", "gold_label")), *map("\t".join, pairs)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prepared_anew(path: Path, vocabulary: Path) -> Prepared:
    """Read and tokenized anew: nothing is found in a cache."""
    before = os.environ.get("MOBILEBERT_BENCH_CACHE")
    with TemporaryDirectory() as empty:
        os.environ["MOBILEBERT_BENCH_CACHE"] = empty
        try:
            return prepare(
                Config(pairs=path, vocab=vocabulary),
                length=CLAIM_LENGTH,
                labels=LABELS,
                vocabulary_size=CONFIG.vocab_size,
                exact=False,
                checkpoint_vocabulary=None,
            )
        finally:
            os.environ.pop("MOBILEBERT_BENCH_CACHE")
            if before is not None:
                os.environ["MOBILEBERT_BENCH_CACHE"] = before


def evaluated(files: ArtifactFiles, prepared: Prepared, workers: Workers, folder: Path) -> Predicted:
    """All that the harness does with rows, but for the record."""
    job = job_of(files, RUNTIME)
    with predict(
        job,
        prepared,
        lengths=job.signatures,
        policy="shortest",
        workers=workers,
        kept_in=folder / "chunks.kept",
        listener=Listener(),
    ) as done:
        (folder / "predictions.csv").write_bytes(write_predictions(done.predictions))
    return done
