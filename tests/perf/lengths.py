"""Several lengths in one file against one: file, conversion, memory, and the mean over real sequences."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from android_runner.bundle import host_bundle
from android_runner.parse import Samples
from android_runner.sequences import Sequences
from benchmark.config import Config
from benchmark.inputs import prepare
from export.artifact import ArtifactFiles, build, load
from export.checkpoint import open_checkpoint
from export.lengths import CLAIM_LENGTH, DEFAULT_LENGTHS
from tests.android_runner.program import arguments, samples_at, start
from tests.perf.compare import alternate, line, ratio, spread
from tests.perf.pairs import data_files

LAUNCHES, ROWS, WARMUP = 6, 200, 20
ONE = (CLAIM_LENGTH,)


def main() -> None:
    """The seeded true architecture in int8, one thread, launches in turn; MNLI rows where at hand."""
    one, several = _made(ONE), _made(DEFAULT_LENGTHS)
    names = ",".join(map(str, DEFAULT_LENGTHS))
    sizes = [files.artifact.model_bytes / 1e6 for files in (several, one)]
    line(
        f"file with lengths {names}",
        f"{sizes[0]:.1f} MB",
        f"{sizes[0] / sizes[1]:.3g} of one length's",
        target="<= 1.2",
    )
    costs = [files.artifact.conversion for files in (several, one)]
    assert costs[0] is not None
    assert costs[1] is not None
    line(
        f"conversion to lengths {names}",
        f"{costs[0].cpu_s:.1f} s of processor time, peak {costs[0].peak_rss_bytes / 1e6:.0f} MB",
        f"{costs[0].cpu_s / costs[1].cpu_s:.3g} of one length's (n = 1)",
        target="<= 2.5, and 2500 MB",
    )
    ways = {"one, fixed": (one, "fixed"), "fixed": (several, "fixed"), "shortest": (several, "shortest")}
    peaks: dict[str, float] = {}
    sequences = _rows()
    with TemporaryDirectory() as name:
        rows, out = Path(name) / "rows.seq", Path(name) / "out"
        sequences.write(rows)

        def mean_ms(way: str) -> Callable[[], float]:
            def launch() -> float:
                samples = _launch(*ways[way], rows, out)
                peaks[way] = samples.peak_rss_bytes / 1e6
                return float(samples.timed_ns.mean()) / 1e6

            return launch

        padded, fixed, shortest = alternate(LAUNCHES, *(mean_ms(way) for way in ways))
    line(
        "peak memory of the device program",
        f"{peaks['shortest']:.0f} MB with four lengths in use, {peaks['fixed']:.0f} MB with one of the four",
        f"{peaks['one, fixed']:.0f} MB with a file of one",
    )
    line("fixed, one of four lengths", spread(fixed, "ms"), f"{ratio(fixed, padded)} of a file of one")
    tokens = sequences.attention_mask.sum(axis=1)
    line(
        f"shortest, mean over {len(tokens)} sequences of {tokens.mean():.0f} tokens",
        spread(shortest, "ms"),
        f"{ratio(shortest, padded)} of padded to {CLAIM_LENGTH}",
    )


def _made(lengths: tuple[int, ...]) -> ArtifactFiles:
    """Converted in a process of its own, so that its peak is its own; or found in the cache."""
    argv = [sys.executable, "-m", "tests.perf.lengths", *map(str, lengths)]
    return load(Path(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()))


def _rows() -> Sequences:
    """A slice of the MNLI pairs where they are at hand, else all example pairs."""
    pairs, vocab, real = data_files()
    checkpoint = open_checkpoint("seeded")
    return prepare(
        Config(pairs=pairs, vocab=vocab, slice_rows=ROWS if real else None),
        length=CLAIM_LENGTH,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=False,
        checkpoint_vocabulary=None,
    ).sequences


def _launch(files: ArtifactFiles, policy: str, rows: Path, out: Path) -> Samples:
    words = arguments(
        files.model_path, rows, out, inferences=ROWS, warmup_inferences=WARMUP, length_policy=policy
    )
    ended = start(host_bundle(), words)
    assert ended.exit_code == 0, ended.stderr
    samples = samples_at(out)
    assert policy == "fixed" or len(np.unique(samples.signatures)) > 1
    return samples


if __name__ == "__main__":
    print(build(open_checkpoint("seeded"), "dynamic_int8", [int(word) for word in sys.argv[1:]]).folder)
