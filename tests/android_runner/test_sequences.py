"""The sequences file: what goes in comes out, and nothing damaged gets through."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_runner.sequences import Sequences, read, shuffled_order
from results.errors import PairsError, RecordNotSaved
from tests.android_runner.tiny_model import some_sequences


def _equal(left: Sequences, right: Sequences) -> bool:
    return left.to_bytes() == right.to_bytes()


def test_round_trip(tmp_path: Path) -> None:
    """The host's interpreter and the device program must see the same numbers."""
    path = tmp_path / "rows.seq"
    sequences = some_sequences()
    sequences.write(path)
    again = read(path)
    assert _equal(again, sequences)
    for name in ("row_ids", "input_ids", "attention_mask", "token_type_ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(sequences, name))
        assert getattr(again, name).dtype == np.int32
    assert (again.rows, again.length, again.vocabulary_size) == (7, 8, 50)
    assert [child.name for child in tmp_path.iterdir()] == ["rows.seq"]


def test_bytes_are_those_of_the_documents() -> None:
    """The C program reads these bytes; a change of layout must be a new version, not an accident."""
    sequences = Sequences(
        row_ids=np.array([7]),
        input_ids=np.array([[2, 3]]),
        attention_mask=np.array([[1, 0]]),
        token_type_ids=np.array([[0, 1]]),
        vocabulary_size=9,
    )
    content = b"MBSEQ001" + struct.pack("<III7i", 1, 2, 9, 7, 2, 3, 1, 0, 0, 1)
    assert sequences.to_bytes() == content + struct.pack("<I", zlib.crc32(content))


def test_take_keeps_ids() -> None:
    """Parity rows are picked by index and compared by id."""
    taken = some_sequences().take(np.array([4, 1]))
    np.testing.assert_array_equal(taken.row_ids, some_sequences().row_ids[[4, 1]])
    np.testing.assert_array_equal(taken.input_ids, some_sequences().input_ids[[4, 1]])


def test_values_cannot_change_after_they_were_checked() -> None:
    """A checked value that can still be written to is not checked."""
    with pytest.raises(ValueError, match="read-only"):
        some_sequences().input_ids[0, 0] = -1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"row_ids": np.array([5, 5])}, "not unique"),
        ({"row_ids": np.array([-1, 5])}, "negative"),
        ({"row_ids": np.array([5])}, "do not belong together"),
        ({"row_ids": np.array([[5, 6]])}, "row ids of shape (1, 2)"),
        ({"row_ids": np.array([5, 2**31])}, "32 bits"),
        ({"input_ids": np.array([[1, 9], [1, 1]])}, "input_ids 9 at token 1 of row 5"),
        ({"input_ids": np.array([[1, 1], [-1, 1]])}, "input_ids -1 at token 0 of row 6"),
        ({"input_ids": np.array([[1.0, 1.0], [1.0, 1.0]])}, "float64"),
        ({"input_ids": np.zeros((2, 0), np.int32)}, "length >= 1"),
        ({"attention_mask": np.array([[1, 2], [1, 1]])}, "attention_mask 2"),
        ({"attention_mask": np.array([[1, 1]])}, "do not belong together"),
        ({"token_type_ids": np.array([[0, 0], [0, -1]])}, "token_type_ids -1"),
        ({"vocabulary_size": 0}, "vocabulary of 0"),
    ],
)
def test_values_that_break_the_format(change: dict[str, object], says: str) -> None:
    """The device would refuse them a minute later, or read beyond the vocabulary."""
    good = {
        "row_ids": np.array([5, 6]),
        "input_ids": np.array([[1, 8], [1, 1]]),
        "attention_mask": np.array([[1, 1], [1, 0]]),
        "token_type_ids": np.array([[0, 1], [0, 0]]),
        "vocabulary_size": 9,
    }
    Sequences(**good)  # type: ignore[arg-type]
    with pytest.raises(PairsError) as raised:
        Sequences(**{**good, **change})  # type: ignore[arg-type]
    assert says in raised.value.what


def test_no_rows() -> None:
    """A slice that selects nothing must be said here, not as a division by zero later."""
    with pytest.raises(PairsError, match="row ids of shape"):
        some_sequences().take(np.array([], dtype=np.int64))


@settings(deadline=None)
@given(data=st.data())
def test_any_damage_is_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cut, a flipped byte or something appended would be other rows than the host has."""
    whole = some_sequences().to_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:at],
                whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :],
                whole + bytes([at % 256]),
            ]
        )
    )
    path = tmp_path_factory.getbasetemp() / "damaged.seq"
    path.write_bytes(damaged)
    with pytest.raises(PairsError, match=r"damaged\.seq"):
        read(path)


def test_missing_file(tmp_path: Path) -> None:
    """A missing file is one clear error too."""
    with pytest.raises(PairsError, match="No such file"):
        read(tmp_path / "missing.seq")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Half a file under the right name would be sent to the device."""
    path = tmp_path / "rows.seq"
    some_sequences().write(path)
    before = path.read_bytes()
    (tmp_path / "rows.seq.part").mkdir()
    with pytest.raises(RecordNotSaved, match=r"rows\.seq could not be written: Is a directory"):
        some_sequences(3).write(path)
    assert path.read_bytes() == before


def test_a_full_disk_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a file on a full disk takes the room that its user has to free."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordNotSaved, match="No space left on device"):
        some_sequences().write(tmp_path / "rows.seq")
    assert not list(tmp_path.iterdir())


def test_splitmix64_is_the_published_one() -> None:
    """The first outputs for seed 1234567 are the ones that other implementations give."""
    # 6457827717110365317 and 3203168211198807973; rows = 2 draws once per pass and swaps when it draws 0.
    assert shuffled_order(2, 1234567, 2).tolist() == [[1, 0], [1, 0]]
    # A pass of 3 rows draws twice: (6457827717110365317 * 3) >> 64 = 1, (3203168211198807973 * 2) >> 64 = 0.
    assert shuffled_order(3, 1234567, 1).tolist() == [[2, 0, 1]]


def test_order_depends_on_the_seed_and_holds_every_row() -> None:
    """A shuffle that left rows out, or was the same for all seeds, would let drift look like length."""
    orders = {tuple(shuffled_order(9, seed, 3).ravel()) for seed in (*range(50), 2**64 - 1)}
    assert len(orders) == 51
    for order in orders:
        for one_pass in np.reshape(order, (3, 9)):
            assert sorted(one_pass) == list(range(9))
    firsts = [shuffled_order(4, seed, 1)[0, 0] for seed in range(400)]
    assert min(np.bincount(firsts)) > 60
