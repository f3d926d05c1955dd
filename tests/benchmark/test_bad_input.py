"""What is wrong, empty or cut short gets one clear error; no traceback, no torn record."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmark.cli import call
from benchmark.config import Config
from benchmark.inputs import prepare
from benchmark.pairs.table import LABELS
from export.artifact import build
from export.checkpoint import open_checkpoint
from tests.android_runner.tiny_model import LENGTH, edited, tiny_model
from tests.benchmark.refusals import Refused, check_error
from tests.benchmark.small import EXAMPLE, QUICK

HOST = ("--device", "host", "--threads", "1", *QUICK)


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Refused:
    """Call `mobilebert-bench`, which must refuse: see `check_error`. Gives the error's first part."""

    def _call(argv: list[object], slug: str, *words: str) -> str:
        exit_code = call([str(word) for word in argv])
        out, err = capfd.readouterr()
        assert out == ""
        return check_error(err, exit_code, slug, *words)

    return _call


def _settings(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        settings = json.loads((folder / "config.json").read_text())
        change(settings)
        (folder / "config.json").write_text(json.dumps(settings))

    return spoil


def _tensors(change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return spoil


def _cut(name: str, share: float) -> Callable[[Path], object]:
    """Cut a file of the folder down to a share of its bytes."""

    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(share * len(content))])

    return spoil


BIAS, WEIGHT = "classifier.bias", "mobilebert.embeddings.word_embeddings.weight"
CHECKPOINTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "checkpoint", "config.json is not there"),
    "empty config": (_cut("config.json", 0), "checkpoint", "config.json cannot be read as JSON"),
    "cut config": (_cut("config.json", 0.5), "checkpoint", "config.json cannot be read as JSON"),
    "config of a list": (
        lambda folder: (folder / "config.json").write_text("[]"),
        "checkpoint",
        "no JSON object",
    ),
    "another model": (_settings(lambda s: s.update(model_type="bert")), "checkpoint", "bert"),
    "size as text": (_settings(lambda s: s.update(hidden_size="64")), "checkpoint", "hidden_size"),
    "size of nothing": (
        _settings(lambda s: s.update(num_hidden_layers=-1)),
        "checkpoint",
        "num_hidden_layers",
    ),
    "no labels": (_settings(lambda s: s.pop("id2label")), "checkpoint", f"{BIAS} has the shape (3,)"),
    "counted labels": (
        _settings(lambda s: s.update(id2label=None, num_labels=3)),
        "labels",
        "label_0, label_1, label_2",
    ),
    "numbered labels": (
        _settings(lambda s: s.update(id2label={str(n): f"LABEL_{n}" for n in range(3)})),
        "labels",
        "label_0",
    ),
    "two labels": (
        _settings(lambda s: s.update(id2label={"0": "ENTAILMENT", "1": "NEUTRAL"})),
        "checkpoint",
        f"{BIAS} has the shape (3,) instead of (2,)",
    ),
    "one label twice": (
        _settings(lambda s: s.update(id2label={"0": "ENTAILMENT", "1": "NEUTRAL", "2": "neutral"})),
        "labels",
        "entailment, neutral_1, neutral_2",
    ),
    "a gap between labels": (
        _settings(lambda s: s.update(id2label={"0": "ENTAILMENT", "1": "NEUTRAL", "3": "CONTRADICTION"})),
        "checkpoint",
        "id2label has the indices",
    ),
    "logits per token": (
        _settings(lambda s: s.update(architectures=["MobileBertForTokenClassification"])),
        "checkpoint",
        "MobileBertForTokenClassification",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "checkpoint",
        "model.safetensors is not there",
    ),
    "weights of TensorFlow": (
        lambda folder: (folder / "model.safetensors").rename(folder / "tf_model.h5"),
        "checkpoint",
        "It holds tf_model.h5, which this project does not read",
    ),
    "weights of PyTorch": (
        lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        "checkpoint",
        "pytorch_model.bin",
    ),
    "empty weights": (_cut("model.safetensors", 0), "checkpoint", "model.safetensors is damaged"),
    "cut header": (_cut("model.safetensors", 0.001), "checkpoint", "model.safetensors is damaged"),
    "cut weights": (_cut("model.safetensors", 0.9), "checkpoint", "model.safetensors is damaged"),
    "missing tensor": (_tensors(lambda t: t.pop(BIAS)), "checkpoint", f"{BIAS} is missing"),
    "spare tensor": (_tensors(lambda t: t.update(lost=t[BIAS])), "checkpoint", "lost is spare"),
    "misshapen tensor": (
        _tensors(lambda t: t.update({BIAS: t[BIAS][:2]})),
        "checkpoint",
        f"{BIAS} has the shape (2,) instead of (3,)",
    ),
    "integer tensor": (
        _tensors(lambda t: t.update({BIAS: t[BIAS].astype(np.int32)})),
        "checkpoint",
        f"{BIAS} has the type I32",
    ),
    "not a number": (
        _tensors(lambda t: t.update({BIAS: t[BIAS] * np.nan})),
        "checkpoint",
        f"{BIAS} has values that are not finite",
    ),
    "larger vocabulary": (_settings(lambda s: s.update(vocab_size=500)), "checkpoint", WEIGHT),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_bad_checkpoints(case: str, checkpoint: Path, refused: Refused) -> None:
    """A checkpoint is not what its config says: refused before a run folder is made."""
    spoil, slug, words = CHECKPOINTS[case]
    spoil(checkpoint)
    refused(["run", "--checkpoint", checkpoint, *HOST], slug, words)
    assert not Path("runs").exists()


def test_a_norm_of_zero_is_refused_before_any_conversion(
    checkpoint: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """float32 is converted last, as the reference; its rewrites must not fail after other conversions."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", "empty")
    tensors = load_file(checkpoint / "model.safetensors")
    tensors["mobilebert.encoder.layer.1.output.bottleneck.LayerNorm.weight"][3] = 0
    save_file(tensors, checkpoint / "model.safetensors")
    argv = ["accuracy", "--checkpoint", checkpoint, "--pairs", EXAMPLE / "pairs.tsv"]
    refused(argv, "checkpoint", "layer 1 has the scale 0 in channel 3", "fold_residuals")
    assert not Path("empty/artifacts").exists()
    assert call([*map(str, argv), "--rewrites", "fold_norms,scale_residuals", "--lengths", "128"]) == 0


@pytest.mark.parametrize("command", ["run", "export", "accuracy"])
@pytest.mark.parametrize("name", ["nowhere/", "./nowhere", "what is this?", ""])
def test_checkpoints_that_are_nowhere(command: str, name: str, refused: Refused) -> None:
    """A folder's name with a typing mistake must not be looked for on the hub for minutes."""
    device = ["--device", "host"] if command == "run" else []
    refused([command, "--checkpoint", name, *device], "checkpoint")


MODELS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is empty"),
    "random": (lambda model: random.Random(1).randbytes(len(model)), "cannot open"),
    "a text": (lambda _: b"version https://git-lfs.github.com/spec/v1\n", "cannot open"),
    "random after the sign": (
        lambda model: model[:8] + random.Random(1).randbytes(len(model)),
        "cannot open",
    ),
    "zeros in the graph": (lambda model: model[:6244] + bytes(277) + model[6521:], "cannot prepare"),
    **{
        f"cut at {share:.2%}": (lambda model, share=share: model[: int(share * len(model))], "cannot open")
        for share in (0.0006, 0.01, 0.25, 0.5, 0.9, 0.99, 0.9999)
    },
}


@pytest.mark.parametrize("case", MODELS)
def test_bad_models(case: str, refused: Refused) -> None:
    """LiteRT reads some damaged files on trust; none may bring Python down, and none may be measured."""
    spoil, words = MODELS[case]
    Path("bad.tflite").write_bytes(spoil(tiny_model(LENGTH).read_bytes()))
    refused(["latency", "bad.tflite", *HOST], "conversion", words)
    assert not Path("runs").exists()


def test_models_that_are_not_there(refused: Refused) -> None:
    """A name with a typing mistake, and a folder that holds no export."""
    refused(["latency", "nowhere.tflite", *HOST], "conversion", "nowhere.tflite is not there")
    Path("folder").mkdir()
    refused(["latency", "folder", *HOST], "conversion", "folder is a folder")


def test_a_model_with_other_inputs(refused: Refused) -> None:
    """Some other model, or this one without names: its inputs are named in the error."""

    def rename(tree: Any) -> None:  # noqa: ANN401 (schema.fbs: ModelT)
        tree.signatureDefs[0].inputs[0].name = b"pixels"

    edited(tiny_model(LENGTH), rename, Path("other.tflite"))
    refused(["latency", "other.tflite", *HOST], "conversion", "pixels", "input_ids")


def test_a_model_with_fewer_words_than_the_vocabulary(refused: Refused) -> None:
    """Ids beyond a bare file's embedding: its vocabulary is unknown until it runs."""
    refused(["latency", tiny_model(LENGTH), *HOST], "conversion", "cannot run")


def test_an_export_that_was_changed(checkpoint: Path, cache: Path, refused: Refused) -> None:
    """model.json vouches for model.tflite: one changed weight byte is enough."""
    exported = build(open_checkpoint(str(checkpoint)), "dynamic_int8", cache_dir=cache / "artifacts")
    folder = Path(shutil.copytree(exported.folder, "changed"))
    content = bytearray((folder / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.tflite").write_bytes(content)
    refused(["latency", folder, *HOST], "record-damaged", "model.tflite is not the file")
    (folder / "model.json").write_text("{}")
    refused(
        ["latency", folder / "model.tflite", *HOST], "record-damaged", "model.json is not what was written"
    )


WORDS = (EXAMPLE / "vocab.txt").read_text()
VOCABULARIES: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "cannot be read: No such file"),
    "empty": (b"", "lacks [PAD]"),
    "cut": (WORDS[: len(WORDS) // 2].encode(), "and the checkpoint has 376"),
    "one more": (f"{WORDS}extra\n".encode(), "has 377 entries, and the checkpoint has 376"),
    "not text": (random.Random(1).randbytes(5000), "is not UTF-8 text"),
    "upper case": (WORDS.replace("\nthe\n", "\nThe\n").upper().encode(), "does not tokenize"),
    "a word twice": (WORDS.replace("\nthe\n", "\na\n").encode(), "does not tokenize"),
}


@pytest.mark.parametrize("case", VOCABULARIES)
def test_bad_vocabularies(case: str, checkpoint: Path, refused: Refused) -> None:
    """Wrong ids give no error of their own, only a wrong accuracy: the vocabulary must prove itself first."""
    content, words = VOCABULARIES[case]
    if content is not None:
        Path("bad.txt").write_bytes(content)
    refused(["accuracy", "--checkpoint", checkpoint, "--vocab", "bad.txt"], "vocabulary", "bad.txt", words)
    assert not Path("runs").exists()


PAIRS = (EXAMPLE / "pairs.tsv").read_bytes()
ROWS: dict[str, tuple[bytes | None, str, str]] = {
    "missing": (None, "pairs", "cannot be read: No such file"),
    "empty": (b"", "pairs", "is empty"),
    "header only": (PAIRS.split(b"\n")[0] + b"\n", "pairs", "has no pairs"),
    "no header": (PAIRS.split(b"\n", 1)[1], "pairs", "no column index"),
    "cut within a row": (
        PAIRS[: PAIRS.index(b"\t", len(PAIRS) // 2)],
        "pairs",
        "fields where the header has",
    ),
    "cut within a label": (PAIRS.rstrip()[:-3], "labels", "1 unknown-label (line 73: "),
    "cut within a letter": (
        PAIRS[:200] + "é".encode()[:1],
        "pairs",
        "1 not-utf8 (line 3: 3 fields where the header has 4)",
    ),
    "cut parquet": (b"PAR1" + bytes(100), "pairs", "is not a parquet file that can be read"),
    "labels of another task": (
        PAIRS.replace(b"contradiction", b"not_entailment"),
        "labels",
        "not_entailment",
    ),
    "numbers for labels": (PAIRS.replace(b"neutral", b"1"), "labels", "24 unknown-label (line 3: '1', "),
    "two rows of one index": (
        PAIRS + PAIRS.split(b"\n")[1] + b"\n",
        "pairs",
        "1 duplicate-id (line 74: index 0 again)",
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_bad_pairs(case: str, checkpoint: Path, refused: Refused) -> None:
    """Rows must not vanish silently: accuracy over fewer or other pairs looks like any other number."""
    content, slug, words = ROWS[case]
    if content is not None:
        Path("bad.tsv").write_bytes(content)
    refused(["accuracy", "--checkpoint", checkpoint, "--pairs", "bad.tsv"], slug, "bad.tsv", words)
    assert not Path("runs").exists()


def test_a_data_folder_without_data(
    checkpoint: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Example pairs must not stand in for a folder that the user named."""
    monkeypatch.setenv("MOBILEBERT_BENCH_DATA", str(tmp_path))
    refused(["accuracy", "--checkpoint", checkpoint], "pairs", "MOBILEBERT_BENCH_DATA names")


def test_windows_line_ends_change_nothing(checkpoint: Path) -> None:
    """A carriage return kept at the end of a word or a label would make it another one."""
    sizes = {"length": 32, "vocabulary_size": 376, "exact": True, "checkpoint_vocabulary": None}
    prepared = []
    for name, end in (("unix", b"\n"), ("windows", b"\r\n")):
        vocab, pairs = Path(f"{name}.txt"), Path(f"{name}.tsv")
        vocab.write_bytes(WORDS.encode().replace(b"\n", end))
        pairs.write_bytes(PAIRS.replace(b"\n", end))
        prepared.append(prepare(Config(pairs=pairs, vocab=vocab), labels=LABELS, **sizes))
    unix, windows = prepared
    assert (unix.sequences.input_ids == windows.sequences.input_ids).all()
    assert (unix.gold == windows.gold).all()


def test_an_output_folder_that_is_a_file(checkpoint: Path, refused: Refused) -> None:
    """The run folder is made before anything takes minutes."""
    Path("out").write_text("mine")
    refused(["accuracy", "--checkpoint", checkpoint, "--output", "out"], "record-not-saved", "out")
    assert Path("out").read_text() == "mine"
