"""The file of kept chunks: torn, spoilt, another one's, refused by the disk; never a wrong number."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from android_runner.sequences import Sequences
from benchmark.workers.job import Chunk, Done, Job, Worker, identity, plan
from benchmark.workers.kept import MAGIC, KeptChunks
from results.errors import RecordNotSaved

LENGTHS = (24, 40, 128)
ROWS, LABELS = 40, 3
ME = Worker(name="here/1", processor="one", peak_rss_bytes=None)


def sequences(seed: int = 1) -> Sequences:
    random = np.random.default_rng(seed)
    mask = (np.arange(128) < random.integers(2, 129, ROWS)[:, None]).astype(np.int32)
    return Sequences(
        row_ids=np.arange(ROWS, dtype=np.int32),
        input_ids=random.integers(5, 200, mask.shape).astype(np.int32) * mask,
        attention_mask=mask,
        token_type_ids=np.zeros_like(mask),
        vocabulary_size=200,
    )


JOB = Job(
    model=Path("model.tflite"),
    sha256="a" * 64,
    runtime="ai-edge-litert",
    version="2.3.0",
    recipe="float32",
    signatures=LENGTHS,
    labels=LABELS,
)
CHUNKS = plan(sequences(), LENGTHS, "shortest", 7)
SELF = identity(JOB, CHUNKS)


def done(chunk: Chunk) -> Done:
    logits = np.random.default_rng(chunk.number).normal(size=(len(chunk.places), LABELS)).astype(np.float32)
    return Done(number=chunk.number, logits=logits, worker=ME)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with every chunk, the last one first."""
    path = tmp_path / "chunks.kept"
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        for chunk in reversed(CHUNKS):
            kept.add(done(chunk))
    return path


def kept_at(path: Path, who: bytes = SELF, chunks: tuple[Chunk, ...] = CHUNKS) -> set[int]:
    """The numbers of the chunks that are found there; each of them is as it was written."""
    with KeptChunks(path, who, chunks, LABELS) as kept:
        for number, logits in kept.logits.items():
            assert logits.tobytes() == done(CHUNKS[number]).logits.tobytes()
        return set(kept.logits)


def test_all_that_was_added_is_there(path: Path) -> None:
    """The point of the file: to the bit, in whatever order they ended."""
    assert kept_at(path) == set(range(len(CHUNKS)))


def test_torn_at_every_byte(path: Path) -> None:
    """A process ends anywhere: what was whole before is there, and what is added next is found again."""
    whole = path.read_bytes()
    first = [chunk.number for chunk in reversed(CHUNKS)]
    found = set()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = kept_at(path)
        assert kept == set(first[: len(kept)])
        found.add(len(kept))
        again = first[-1]  # the last one of the file, never whole but in the last step
        if size < len(whole):
            assert again not in kept
            with KeptChunks(path, SELF, CHUNKS, LABELS) as file:
                file.add(done(CHUNKS[again]))
            assert kept_at(path) == kept | {again}
    assert found == set(range(len(CHUNKS) + 1))


def test_a_flipped_bit_anywhere(path: Path) -> None:
    """A disk that lies: the damaged chunk and what follows it are done again."""
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        kept = kept_at(path)
        assert len(kept) < len(CHUNKS), at
        assert kept == {chunk.number for chunk in CHUNKS[len(CHUNKS) - len(kept) :]}


@pytest.mark.parametrize(
    ("job", "policy", "rows", "size"),
    [
        (dataclasses.replace(JOB, sha256="b" * 64), "shortest", 1, 7),
        (dataclasses.replace(JOB, runtime="tflite-runtime"), "shortest", 1, 7),
        (dataclasses.replace(JOB, version="2.3.1"), "shortest", 1, 7),
        (JOB, "fixed", 1, 7),
        (JOB, "shortest", 2, 7),
        (JOB, "shortest", 1, 8),
    ],
)
def test_of_another_evaluation(path: Path, job: Job, policy: str, rows: int, size: int) -> None:
    """Logits of another model, runtime, version or row are no logits of this one."""
    chunks = plan(sequences(rows), LENGTHS, policy, size)  # type: ignore[arg-type]
    other = identity(job, chunks)
    assert other != SELF
    with KeptChunks(path, other, chunks, LABELS) as kept:
        assert kept.logits == {}
        assert kept.foreign
    with KeptChunks(path, other, chunks, LABELS) as kept:
        assert not kept.foreign  # it is this one's by now
    assert kept_at(path) == set()


def test_of_another_processor(path: Path) -> None:
    """It may round otherwise: done anew on a machine of its own, and taken where a cluster has both kinds."""
    other = dataclasses.replace(ME, processor="two")
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        kept.add(dataclasses.replace(done(CHUNKS[0]), worker=other))
    with KeptChunks(path, SELF, CHUNKS, LABELS, processor="one") as kept:
        assert set(kept.logits) == set(range(1, len(CHUNKS)))
        assert (kept.processors, kept.others) == ({"one"}, {"two"})
        assert not kept.foreign
        kept.add(done(CHUNKS[0]))
    with KeptChunks(path, SELF, CHUNKS, LABELS, processor="two") as kept:
        assert (kept.logits, kept.processors, kept.others) == ({}, set(), {"one"})
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        assert (kept.processors, kept.others) == ({"one"}, set())
    assert kept_at(path) == set(range(len(CHUNKS)))


@pytest.mark.parametrize("array", ["places", "ids", "mask", "types"])
def test_every_array_of_a_chunk_is_its_identity(array: str) -> None:
    """Rows that changed places, or have another mask or other sentences, are other rows."""
    changed = getattr(CHUNKS[2], array).copy()
    changed.flat[3] += 1
    other = (*CHUNKS[:2], dataclasses.replace(CHUNKS[2], **{array: changed}), *CHUNKS[3:])
    assert identity(JOB, other) != SELF


def test_a_plan_of_other_sizes(path: Path) -> None:
    """The same identity can never come with it; were it so, no row would get another's logits."""
    fewer = dataclasses.replace(CHUNKS[-1], places=CHUNKS[-1].places[:-1])
    with KeptChunks(path, SELF, (*CHUNKS[:-1], fewer), LABELS) as kept:
        assert kept.logits == {}


def test_one_pair_has_another_word(path: Path) -> None:
    """The pairs file was mended at one place while the run stood still: one token of one row."""
    rows = sequences()
    ids = rows.input_ids.copy()
    ids[17, 1] += 1
    chunks = plan(dataclasses.replace(rows, input_ids=ids), LENGTHS, "shortest", 7)
    assert kept_at(path, identity(JOB, chunks), chunks) == set()


@pytest.mark.parametrize("content", [b"", b"MB", b"\0" * 4096, MAGIC[:-1] + b"9" + SELF])
def test_what_is_no_such_file(path: Path, content: bytes) -> None:
    """Rubbish, or the form of a later version: begun anew, as if it were not there."""
    path.write_bytes(content)
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        assert kept.foreign == (len(content) > 8)  # a beginning that was cut is nobody's
    path.write_bytes(content)
    assert kept_at(path) == set()
    assert path.read_bytes() == MAGIC + SELF


def test_a_folder_in_its_place(path: Path) -> None:
    """Said, and left as it is."""
    path.unlink()
    path.mkdir()
    with pytest.raises(RecordNotSaved, match="Is a directory"):
        KeptChunks(path, SELF, CHUNKS, LABELS)
    assert path.is_dir()


def test_dropped(path: Path) -> None:
    """Nothing is left beside the predictions that it became."""
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        kept.drop()
    assert not path.exists()


# In a sandbox: adds chunks until the disk refuses one, then looks at what is there.
_FILL = """
import sys
from pathlib import Path
from results.errors import RecordNotSaved
from tests.benchmark.test_kept_chunks import CHUNKS, LABELS, MAGIC, SELF, done
from benchmark.workers.kept import KeptChunks
path, added = Path(sys.argv[1]), 0
try:
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        for chunk in CHUNKS * 100:
            kept.add(done(chunk))
            added += 1
except RecordNotSaved as err:
    print(err.what)
if added:
    with KeptChunks(path, SELF, CHUNKS, LABELS) as kept:
        print(all(kept.logits[chunk.number].tobytes() == done(chunk).logits.tobytes() for chunk in CHUNKS))
        whole, end = kept._read(path.read_bytes(), MAGIC + SELF)
        print(end == path.stat().st_size, "whole chunks only")
"""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (["--size", "8192", "--tmpfs", "out"], ["No space left on device", "True", "True whole chunks only"]),
        (["--ro-bind", "out", "out"], ["Read-only file system"]),
    ],
)
def test_a_disk_that_refuses(tmp_path: Path, how: list[str], said: list[str]) -> None:
    """Full within a chunk: our error once, not again as the file is closed, and the whole ones are there."""
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    folder = str(tmp_path / "out")
    (tmp_path / "out").mkdir()
    mounted = [folder if word == "out" else word for word in how]
    ended = subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", *mounted, sys.executable, "-c", _FILL, f"{folder}/chunks.kept"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True)), lines
