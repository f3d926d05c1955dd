"""A small checkpoint of the right form, so that the whole job runs in seconds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from benchmark.example import __file__ as example
from export.seeded import CONFIG, seeded_tensors

EXAMPLE = Path(example).parent


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
