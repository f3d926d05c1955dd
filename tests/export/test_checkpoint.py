"""Opening checkpoints: what is right arrives whole, and every kind of damage has its message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export import hub, seeded
from export.architecture import MobileBertConfig
from export.checkpoint import open_checkpoint
from results.errors import CheckpointError
from tests.export.conftest import SMALL, CheckpointMaker, random_tensors

CLASSIFIER = "classifier.weight"
PARTS = 7  # of one message: the count, five named tensors, and how many more


def test_a_folder_opens_whole(make_checkpoint: CheckpointMaker) -> None:
    """Weights, labels by index, vocabulary and origin are what lies in the folder."""
    folder = make_checkpoint()
    (folder / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    opened = open_checkpoint(str(folder))
    assert opened.config == SMALL
    assert opened.labels == ("contradiction", "entailment", "neutral")
    assert opened.vocab_path == folder / "vocab.txt"
    assert (opened.weights.kind, opened.weights.name, opened.weights.trained) == ("local", "checkpoint", True)
    written = random_tensors(SMALL)
    assert opened.tensors.keys() == written.keys()
    assert all(np.array_equal(opened.tensors[name], written[name]) for name in written)


def test_position_ids_and_half_precision_are_welcome(make_checkpoint: CheckpointMaker) -> None:
    """Older conversions keep a buffer of positions, and some files hold float16; neither is a fault."""
    tensors: dict[str, np.ndarray] = {n: t.astype(np.float16) for n, t in random_tensors(SMALL).items()}
    tensors["mobilebert.embeddings.position_ids"] = np.arange(64)[None]
    opened = open_checkpoint(str(make_checkpoint(tensors)))
    assert "mobilebert.embeddings.position_ids" not in opened.tensors
    assert {tensor.dtype for tensor in opened.tensors.values()} == {np.dtype(np.float32)}


def test_every_wrong_tensor_is_named(make_checkpoint: CheckpointMaker) -> None:
    """A silent default for one of 1,113 tensors would make a network that nobody trained."""
    tensors = random_tensors(SMALL)
    del tensors["mobilebert.encoder.layer.1.attention.self.key.bias"]
    tensors["mobilebert.encoder.layer.2.output.dense.weight"] = np.zeros((64, 64), np.float32)
    tensors[CLASSIFIER] = tensors[CLASSIFIER].T.copy()
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(str(make_checkpoint(tensors)))
    assert "3 tensors do not fit" in caught.value.what
    assert "mobilebert.encoder.layer.1.attention.self.key.bias is missing" in caught.value.what
    assert "mobilebert.encoder.layer.2.output.dense.weight is spare" in caught.value.what
    assert "classifier.weight has the shape (64, 3) instead of (3, 64)" in caught.value.what


def test_many_wrong_tensors_are_counted(make_checkpoint: CheckpointMaker) -> None:
    """A checkpoint of another depth must not fill the screen."""
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(str(make_checkpoint(num_hidden_layers=3)))
    missing = len(caught.value.facts["wrong"])  # type: ignore[arg-type]
    assert f"{missing} tensors do not fit" in caught.value.what
    assert f"and {missing - 5} more" in caught.value.what


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(make_checkpoint: CheckpointMaker, value: float) -> None:
    """One NaN among the weights makes every logit NaN, and argmax of NaN is a prediction."""
    tensors = random_tensors(SMALL)
    tensors[CLASSIFIER][1, 2] = value
    with pytest.raises(CheckpointError, match=r"classifier\.weight has values that are not finite"):
        open_checkpoint(str(make_checkpoint(tensors)))


def test_integer_weights_are_refused(make_checkpoint: CheckpointMaker) -> None:
    """Quantized weights read as plain numbers would be scaled wrongly."""
    tensors: dict[str, np.ndarray] = dict(random_tensors(SMALL))
    tensors[CLASSIFIER] = tensors[CLASSIFIER].astype(np.int8)
    with pytest.raises(CheckpointError, match=r"classifier\.weight has the type I8"):
        open_checkpoint(str(make_checkpoint(tensors)))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["absent", "empty", "truncated", "noise", "folder"])
def test_damaged_files_are_named(make_checkpoint: CheckpointMaker, name: str, damage: str) -> None:
    """Interrupted downloads are the everyday case; the message says which file."""
    folder = make_checkpoint()
    path = folder / name
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "absent":
        path.write_bytes(
            {"empty": b"", "truncated": whole[: len(whole) // 2], "noise": b"\xff" * 100}[damage]
        )
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(str(folder))
    assert str(path) in caught.value.what


@pytest.mark.parametrize("text", ["[]", "null", "3"])
def test_a_config_that_is_no_object_is_refused(make_checkpoint: CheckpointMaker, text: str) -> None:
    """Valid JSON is not yet a config."""
    folder = make_checkpoint()
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match="no JSON object"):
        open_checkpoint(str(folder))


@pytest.mark.parametrize("spec", ["./nowhere", "/no/such/folder", "nowhere", "a/b/c", "", "seeded:x"])
def test_a_spec_that_is_nothing_is_refused(spec: str) -> None:
    """A mistyped folder must not become a question to the hub."""
    with pytest.raises(CheckpointError, match="is not a folder"):
        open_checkpoint(spec)


def test_a_file_is_not_a_checkpoint(make_checkpoint: CheckpointMaker) -> None:
    """People name the weights file; the folder is what is wanted."""
    with pytest.raises(CheckpointError, match="is not a folder"):
        open_checkpoint(str(make_checkpoint() / "model.safetensors"))


def test_seeded_weights_are_the_true_architecture_and_repeat() -> None:
    """What stands in for the checkpoint has its shape and labels, and is the same tomorrow."""
    first, again, other = (open_checkpoint(spec) for spec in ("seeded", "seeded:0", "seeded:1"))
    assert first.config == MobileBertConfig(classifier_activation=False)
    assert first.labels == ("entailment", "neutral", "contradiction")
    assert not first.weights.trained
    assert first.weights == again.weights
    assert first.weights.sha256 != other.weights.sha256
    assert seeded.digest(first.tensors) == first.weights.sha256
    assert first.weights.sha256.startswith("0e2495ce7753c50d")


@pytest.fixture
def hub_cache(tmp_path: Path, make_checkpoint: CheckpointMaker, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An offline hub cache that holds the default checkpoint's pinned revision (in small)."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    commit = hub.DEFAULT_REVISION + "0" * 33
    snapshots = cache / "models--typeform--mobilebert-uncased-mnli" / "snapshots"
    snapshots.mkdir(parents=True)
    make_checkpoint().rename(snapshots / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshots / commit


def test_the_hubs_cache_is_enough_without_a_network(hub_cache: Path) -> None:
    """A machine that has the checkpoint must not need the hub, and records the whole commit."""
    assert hub.default_checkpoint() == hub.DEFAULT_CHECKPOINT
    opened = open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert (opened.weights.kind, opened.weights.revision) == ("hub", hub_cache.name)
    assert open_checkpoint(f"{hub.DEFAULT_CHECKPOINT}@{hub_cache.name}").weights == opened.weights


def test_a_revision_that_is_not_cached_is_not_replaced_by_another(hub_cache: Path) -> None:
    """Pinned means pinned: another commit in the cache is other weights."""
    with pytest.raises(CheckpointError, match="nothing may be downloaded"):
        open_checkpoint(f"{hub.DEFAULT_CHECKPOINT}@deadbeef")
    hub_cache.rename(hub_cache.with_name("f" * 40))
    with pytest.raises(CheckpointError, match="nothing may be downloaded"):
        open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert hub.default_checkpoint() == "seeded"


def test_a_half_downloaded_cache_does_not_count(hub_cache: Path) -> None:
    """config.json arrives long before the weights do."""
    (hub_cache / "model.safetensors").unlink()
    assert hub.default_checkpoint() == "seeded"


def test_an_unreachable_hub_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is ordinary; the user gets a next step and not the HTTP library's traceback."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(CheckpointError, match="the hub does not give it") as caught:
        hub.fetch("owner/name", "f" * 7, allow_download=True)
    assert "local folder" in caught.value.next_step
