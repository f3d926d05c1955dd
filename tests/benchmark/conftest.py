"""A small checkpoint of the right form, so that the whole job runs in seconds, and the real one's export."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from benchmark.cli import call
from benchmark.device_parity import far_apart
from benchmark.host_logits import host_logits
from benchmark.listener import Listener
from examples.rule_task import make_pairs
from export.artifact import build
from export.checkpoint import open_checkpoint
from export.seeded import CONFIG, seeded_tensors
from tests.benchmark.small import EXAMPLE, QUICK, Real, example_sequences


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of exports for the session's whole jobs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local folder: two layers, the example vocabulary, labels in another order than GLUE's."""
    folder = tmp_path_factory.mktemp("small")
    words = (EXAMPLE / "vocab.txt").read_text()
    config = dataclasses.replace(
        CONFIG,
        vocab_size=words.count("\n"),
        num_hidden_layers=2,
        hidden_size=64,
        intermediate_size=64,
        embedding_size=32,
        intra_bottleneck_size=32,
        max_position_embeddings=128,
    )
    labels = {"0": "CONTRADICTION", "1": "ENTAILMENT", "2": "NEUTRAL"}
    fields = {key: value for key, value in dataclasses.asdict(config).items() if key != "labels"}
    (folder / "config.json").write_text(
        json.dumps({"model_type": "mobilebert", "id2label": labels, **fields})
    )
    (folder / "vocab.txt").write_text(words)
    save_file(seeded_tensors(config, 3), folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that examples/train_small.py leaves."""
    return _train(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def trained_with_outlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same task, with a fixed [CLS] embedding a million times the size of the others."""
    return _train(tmp_path_factory.mktemp("outlier"), "--outliers", "1e6", "--seed", "1")


def _train(folder: Path, *options: str) -> Path:
    example = Path(__file__).parents[2] / "examples/train_small.py"
    argv = [sys.executable, example, folder, *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def training_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of the training set of seed 0: none is held out."""
    made = make_pairs(200, seed=1, without=frozenset(make_pairs(3000, seed=0)))
    rows = (f"{n}\t{pair.premise}\t{pair.hypothesis}\t{pair.label}\n" for n, pair in enumerate(made))
    path = tmp_path_factory.mktemp("training") / "training.tsv"
    path.write_text("index\tsentence1\tsentence2\tgold_label\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def calibrated(
    training_pairs: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """A command on a checkpoint's folder, calibrated with training pairs, for sequences of 24 tokens."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)

    def run(name: str, checkpoint: Path, *options: str) -> int:
        shape = ("--lengths", "24", "--length", "24", "--calibration", str(training_pairs))
        return call([name, "--checkpoint", str(checkpoint), *shape, *options])

    return run


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    """A folder of the test's own, the session's cache of exports, and nothing else at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MOBILEBERT_BENCH_DATA", raising=False)


@pytest.fixture
def checkpoint(small_checkpoint: Path, own_folder: None) -> Path:
    """A copy of the small checkpoint to be spoilt."""
    return Path(shutil.copytree(small_checkpoint, "checkpoint"))


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path, small_checkpoint: Path
) -> Callable[..., int]:
    """`mobilebert-bench run --device D` on the small checkpoint, with ADB keys of its own."""
    from android_runner.virtual.build import cache_folder, phone_root

    phone_root()  # built once, in the machine's own cache: its packages take seconds to fetch
    shared = cache_folder()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    monkeypatch.setattr("android_runner.virtual.build.cache_folder", lambda: shared)
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "android"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MOBILEBERT_BENCH_DATA", raising=False)

    def _call(device: str, *more: str) -> int:
        return call(["run", "--device", device, "--checkpoint", str(small_checkpoint), *QUICK, *more])

    return _call


@pytest.fixture(scope="session")
def real(cache: Path) -> Real:
    checkpoint = open_checkpoint("seeded")
    sequences = example_sequences(checkpoint)
    files, reference = (build(checkpoint, name, cache_dir=cache) for name in ("dynamic_int8", "float32"))
    here = [
        host_logits(one, sequences, runtime="ai-edge-litert", threads=2, listener=Listener())[0]
        for one in (files, reference)
    ]
    rows = far_apart(here[0], 32)
    return Real(files=files, rows=sequences.take(rows), host=here[0][rows], float32=here[1][rows])
