"""Small MobileBERT checkpoints on disk, made without torch, for tests that are done in seconds."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from export import artifact, hub
from export.architecture import MobileBertConfig, expected_tensors
from export.artifact import ArtifactFiles
from export.checkpoint import Checkpoint, open_checkpoint
from export.recipes import RECIPES

SMALL = MobileBertConfig(
    vocab_size=1000,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=64,
    embedding_size=24,
    intra_bottleneck_size=32,
    num_feedforward_networks=3,
    classifier_activation=False,
)
LABELS = ("CONTRADICTION", "Entailment", "neutral")  # neither GLUE's order nor one way to write them

LENGTH = 32

CheckpointMaker = Callable[..., Path]


def random_tensors(config: MobileBertConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of no particular structure, sized so that every part has its say in the logits."""
    generator = np.random.default_rng(seed)
    tensors = {}
    for name, shape in expected_tensors(config).items():
        values = generator.standard_normal(shape, dtype=np.float32)
        if name.endswith("bias"):
            values *= 0.1
        elif name.endswith("LayerNorm.weight"):
            values = 0.8 + 0.1 * values
        elif not name.endswith("_embeddings.weight"):
            values *= 0.8 / np.sqrt(shape[1])
        tensors[name] = values.astype(np.float32)
    return tensors


def small_settings(**changes: object) -> dict[str, object]:
    """The config.json of SMALL, with some fields changed; None removes one."""
    settings: dict[str, object] = {
        "model_type": "mobilebert",
        "hidden_act": "relu",
        "normalization_type": "no_norm",
        "id2label": {str(index): name for index, name in enumerate(LABELS)},
        **{name: getattr(SMALL, name) for name in SMALL.__slots__ if name != "labels"},
        **changes,
    }
    return {name: value for name, value in settings.items() if value is not None}


def write_checkpoint(
    folder: Path, tensors: Mapping[str, np.ndarray] | None = None, **changes: object
) -> Path:
    """Write SMALL with random weights; `tensors` and config.json's fields may be changed."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(small_settings(**changes)), encoding="utf-8")
    save_file(dict(random_tensors(SMALL) if tensors is None else tensors), folder / "model.safetensors")
    return folder


@pytest.fixture(autouse=True)
def ask_the_hub_anew() -> Iterator[None]:
    """Whether the hub answers is asked once a process; each test here has a hub of its own."""
    hub.reachable.cache_clear()
    yield
    hub.reachable.cache_clear()


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> CheckpointMaker:
    """`write_checkpoint` into this test's own folder."""
    return functools.partial(write_checkpoint, tmp_path / "checkpoint")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """SMALL, opened."""
    return open_checkpoint(str(write_checkpoint(tmp_path_factory.mktemp("session") / "checkpoint")))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact cache that `artifacts` fills."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def artifacts(checkpoint: Checkpoint, cache: Path) -> dict[str, ArtifactFiles]:
    """SMALL at LENGTH by every recipe that needs no calibration."""
    free = (name for name, known in RECIPES.items() if not known.calibrated)
    return {name: artifact.build(checkpoint, name, (LENGTH,), cache) for name in free}
