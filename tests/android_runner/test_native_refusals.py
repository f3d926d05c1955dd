"""The device program refuses: each kind of fault has its exit code, one line, and leaves no file."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from android_runner.bundle import Bundle
from tests.android_runner.program import (
    arguments,
    host,
    refused,
    start,
    start_tiny,
    tiny,
)
from tests.android_runner.tiny_model import LENGTH, edited, some_sequences

Tree = Any  # TFLite's object tree has no types


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    path = tmp_path / "rows.seq"
    some_sequences().write(path)
    return path


def test_placement_that_cannot_be_had(tmp_path: Path, sequences: Path) -> None:
    """Threads that share a core wait for each other; the number would be the scheduler's."""
    core = min(os.sched_getaffinity(0))
    refused(tmp_path, sequences, 8, "placement", "2 threads on 1 cores", threads=2, cores=core)
    refused(tmp_path, sequences, 8, "placement", cores=1023)
    # The kernel would quietly grant the part that exists.
    refused(tmp_path, sequences, 8, "placement", f"{core} granted", cores=f"{core},1023")
    refused(tmp_path, sequences, 8, "placement", threads=256)


def _rename_input(tree: Tree) -> None:
    tree.signatureDefs[0].inputs[0].name = b"input_mask"


def _rename_output(tree: Tree) -> None:
    tree.signatureDefs[0].outputs[0].name = b"probabilities"


def _drop_input(tree: Tree) -> None:
    tree.signatureDefs[0].inputs.pop()


def _no_signature(tree: Tree) -> None:
    tree.signatureDefs = []


def _blank_key(tree: Tree) -> None:
    tree.signatureDefs[0].signatureKey = b"s 8"


def _int64(tree: Tree) -> None:
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[1]].type = 4  # TensorType.INT64


def _batch_of_2(tree: Tree) -> None:
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [2, LENGTH]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_rename_input, "no input attention_mask"),
        (_rename_output, "no output logits"),
        (_drop_input, ""),
        (_no_signature, ""),
        (_blank_key, "blank"),
        (_int64, "int32"),
        (_batch_of_2, "(1, n)"),
    ],
)
def test_model_of_another_kind(
    tmp_path: Path, sequences: Path, edit: Callable[[Tree], None], says: str
) -> None:
    """Bound to what is not there, or of another type, LiteRT would read beyond a buffer."""
    refused(tmp_path, sequences, 3, "model", says, model=edited(tiny(), edit, tmp_path / "other.tflite"))


def test_model_that_is_not_there_or_not_one(tmp_path: Path, sequences: Path) -> None:
    """Missing, empty, a folder, or another format: all are "the model", and none may crash."""
    bad = tmp_path / "bad.tflite"
    refused(tmp_path, sequences, 3, "model", "No such file", model=bad)
    for content in (b"", b"TFL3", b"PK\3\4" * 100, bytes(4) + b"TFL3" + bytes(100)):
        bad.write_bytes(content)
        refused(tmp_path, sequences, 3, "model", model=bad)
    refused(tmp_path, sequences, 3, "model", model=tmp_path)


def test_model_cut_short(tmp_path: Path, sequences: Path) -> None:
    """LiteRT alone reads past the end of a file that was cut short, crashes, or computes something else."""
    whole, cut = tiny().read_bytes(), tmp_path / "cut.tflite"
    # The last 16 bytes may be padding.
    for size in (*range(1, len(whole) - 16, 397), len(whole) - 16):
        cut.write_bytes(whole[:size])
        refused(tmp_path, sequences, 3, "model", model=cut)


def test_damaged_model_never_ends_by_a_signal(tmp_path: Path, sequences: Path) -> None:
    """A flipped byte may crash LiteRT; whoever started the program must still learn what it was."""
    whole, damaged = tiny().read_bytes(), tmp_path / "damaged.tflite"
    chance = random.Random(3)
    codes = set()
    for _ in range(20):
        content = bytearray(whole)
        for _ in range(8):
            content[chance.randrange(8, len(content))] = chance.randrange(256)
        damaged.write_bytes(content)
        ended = start_tiny(tmp_path, sequences, model=damaged)
        codes.add(ended.exit_code)
        assert ended.exit_code in (0, 3, 4, 6), ended.stderr
        assert len(ended.said) == (ended.exit_code != 0)
    assert 3 in codes


def test_model_of_another_hash(tmp_path: Path, sequences: Path) -> None:
    """What was sent is what must run: one byte off and it is another model."""
    other = hashlib.sha256(b"another").hexdigest()
    refused(tmp_path, sequences, 3, "model", other, model_sha256=other)


def _packed(
    rows: int, length: int, vocabulary: int, words: list[int], *, magic: bytes = b"MBSEQ001"
) -> bytes:
    content = magic + struct.pack(f"<III{len(words)}i", rows, length, vocabulary, *words)
    return content + struct.pack("<I", zlib.crc32(content))


_TOKENS = [1] * LENGTH + [1] * LENGTH + [0] * LENGTH


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MBSEQ001",
        _packed(1, LENGTH, 50, [5, *_TOKENS], magic=b"MBSEQ002"),
        _packed(0, LENGTH, 50, []),
        _packed(1, 0, 50, [5]),
        _packed(2, LENGTH, 50, [5, *_TOKENS]),
        _packed(1, LENGTH, 50, [5, *_TOKENS, 0]),
        _packed(2**32 - 1, 2**32 - 1, 50, [5, *_TOKENS]),
        _packed(1, LENGTH, 50, [-1, *_TOKENS]),
        _packed(2, LENGTH, 50, [5, *_TOKENS, 5, *_TOKENS]),
        _packed(1, LENGTH, 1, [5, *_TOKENS]),
        _packed(1, LENGTH, 50, [5, -1, *_TOKENS[1:]]),
        _packed(1, LENGTH, 50, [5, *_TOKENS[:LENGTH], 2, *_TOKENS[LENGTH + 1 :]]),
        _packed(1, LENGTH, 50, [5, *_TOKENS[:-1], -1]),
    ],
)
def test_sequences_that_break_the_format(tmp_path: Path, content: bytes) -> None:
    """Every promise of the format is checked on the device: an id outside the vocabulary reads wildly."""
    path = tmp_path / "bad.seq"
    path.write_bytes(content)
    refused(tmp_path, path, 4, "sequences")


def test_damaged_sequences(tmp_path: Path, sequences: Path) -> None:
    """Any flipped byte and any cut has to show, or another sequence is timed than the host's."""
    whole = sequences.read_bytes()
    for at in range(0, len(whole), 29):
        sequences.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        refused(tmp_path, sequences, 4, "sequences")
        sequences.write_bytes(whole[:at])
        refused(tmp_path, sequences, 4, "sequences")
    refused(tmp_path, tmp_path / "missing.seq", 4, "sequences")
    refused(tmp_path, tmp_path, 4, "sequences")


def test_runtime_that_is_not_litert(tmp_path: Path, sequences: Path) -> None:
    """A library of another version lacks functions; that is said before anything is called."""
    other = tmp_path / "other"
    shutil.copytree(host().folder, other)
    for content, says in ((None, ""), (b"not a library", ""), (Path("/proc/self/exe").read_bytes(), "")):
        library = other / "libLiteRt.so"
        library.unlink(missing_ok=True)
        if content is not None:
            library.write_bytes(content)
        bundle = Bundle(abi=host().abi, folder=other, files=host().files, program=host().program, loader=None)
        for words in (arguments(tiny(), sequences, tmp_path / "out"), ["--version"]):
            ended = start(bundle, words)
            assert ended.exit_code == 5
            assert ended.said[0].startswith("error: runtime: " + says)


def test_inference_that_the_runtime_refuses(tmp_path: Path) -> None:
    """A row that passes every check of ours, with an id beyond the model's own table."""
    path = tmp_path / "beyond.seq"
    path.write_bytes(_packed(1, LENGTH, 30522, [5, 30521, *_TOKENS[1:]]))
    refused(tmp_path, path, 6, "inference", "row 5")


def test_output_that_cannot_be_written(tmp_path: Path, sequences: Path) -> None:
    """Said at once, before a minute of measuring, and told apart from a bad model."""
    missing = start(host(), arguments(tiny(), sequences, tmp_path / "missing" / "out"))
    assert (missing.exit_code, missing.said[0][:15]) == (7, "error: output: ")


def test_disk_full(tmp_path: Path, sequences: Path) -> None:
    """The file is written at the very end: a full disk must leave nothing that looks like a result."""
    small = tmp_path / "small"
    small.mkdir()
    listing = f"{shutil.which('ls')} -A {small}"
    inside = ("bwrap", "--dev-bind", "/", "/", "--size", "8192", "--tmpfs", str(small), "sh", "-c")
    command = host().command(arguments(tiny(), sequences, small / "out", inferences=5000))
    ended = start(host(), [], inside=(*inside, f"{command}; code=$?; {listing}; exit $code", "--"))
    assert (ended.exit_code, ended.stdout) == (7, "")
    assert ended.said == [f"error: output: {small}/out.part: No space left on device"]


def test_reader_gone(tmp_path: Path, sequences: Path) -> None:
    """Nobody learns that the launch ended well: then it did not, and no file may say otherwise."""
    command = host().command(arguments(tiny(), sequences, tmp_path / "out"))
    ended = start(host(), [], inside=("sh", "-c", f"{command} > /dev/full", "--"))
    assert (ended.exit_code, ended.said) == (7, ["error: output: stdout: No space left on device"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"threads": None}, "--threads is missing"),
        ({"model": None}, "--model is missing"),
        ({"model_sha256": "", "inferences": None}, "--model-sha256"),
        ({"threads": 0}, "--threads 0"),
        ({"threads": "1x"}, "--threads 1x"),
        ({"inferences": 0}, "--inferences 0"),
        ({"inferences": "-1"}, "--inferences -1"),
        ({"inferences": "99999999999999999999"}, "--inferences"),
        ({"warmup_seconds": "nan"}, "--warmup-seconds"),
        ({"warmup_seconds": "-1"}, "--warmup-seconds"),
        ({"warmup_seconds": "1.2.3"}, "--warmup-seconds"),
        ({"seed": 2**64}, "--seed"),
        ({"cores": "0,0"}, "--cores"),
        ({"cores": "0,"}, "--cores"),
        ({"cores": ""}, "--cores"),
        ({"cores": "1024"}, "--cores"),
        ({"model_sha256": "AB"}, "--model-sha256"),
        ({"treads": 1}, "unknown argument --treads"),
    ],
)
def test_wrong_call(tmp_path: Path, sequences: Path, options: dict[str, Any], says: str) -> None:
    """A fault of the caller has a code of its own, and is found before anything is opened."""
    words = arguments(tiny(), sequences, tmp_path / "out", **options)
    ended = start(host(), words)
    assert (ended.exit_code, len(ended.said)) == (2, 1)
    assert ended.said[0].startswith("error: arguments: ")
    assert says in ended.said[0]


def test_arguments_doubled_or_without_value(tmp_path: Path, sequences: Path) -> None:
    """Which of two seeds was meant is not the program's to guess."""
    words = arguments(tiny(), sequences, tmp_path / "out")
    for more, says in ((["--threads", "2"], "twice"), (["--seed"], "no value")):
        ended = start(host(), words + more)
        assert (ended.exit_code, ended.said[0].endswith(says)) == (2, True)


def test_error_stays_one_line(tmp_path: Path) -> None:
    """The host reads one line; a file name with a line break must not forge a second one."""
    refused(tmp_path, tmp_path / "a\nerror: output: b", 4, "sequences")
