"""The samples file: read as it was written, or refused with the line that is wrong."""

from __future__ import annotations

import dataclasses
import math
import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from android_runner.parse import Samples, expect, parse_samples
from android_runner.sequences import shuffled_order
from results.errors import OutputUnreadable

_SHA = {"runtime": "a" * 64, "model": "b" * 64}
_ROW_IDS = np.array([5, 8, 11], dtype=np.int32)
_LINES = [
    "mobilebert-samples 1",
    "program 1",
    f"runtime_sha256 {_SHA['runtime']}",
    f"model_sha256 {_SHA['model']}",
    "sequences_crc32 0000c0de",
    "abi aarch64",
    "threads 2",
    "cores 4,7",
    "worker_cores 4,7,4",
    "seed 18446744073709551615",
    "fully_accelerated 1",
    "load_ns 34000000",
    "first_inference_ns 900",
    "peak_rss_bytes 57000000",
    "rows 3",
    "inference 0 w 11 s128 0 900 4",
    "inference 1 w 5 s128 950 500 7",
    "inference 2 t 5 s128 1500 501 -1",
    "inference 3 t 8 s128 2001 502 4",
    "inference 4 t 11 s128 2600 503 4",
    "logits 5 -0.0412345 1e-07 12",
    "logits 8 nan inf -inf",
    "logits 11 0 -0 3.40282347e+38",
]


def _text(lines: list[str], end: str = "end warmup=2 timed=3 logits=3") -> str:
    """The lines with a checksum that is right and the end marker."""
    body = "".join(f"{line}\n" for line in lines)
    return f"{body}crc32 {zlib.crc32(body.encode()):08x}\n{end}\n"


def _parse(text: str) -> Samples:
    return parse_samples(text, source="phone")


def _equal(left: Samples, right: Samples) -> bool:
    """Whether two values hold the same, NaN being equal to itself."""
    return all(
        str(getattr(left, field.name)) == str(getattr(right, field.name))
        for field in dataclasses.fields(Samples)
    )


def test_every_value_arrives() -> None:
    """One swapped column here is a wrong verdict later."""
    samples = _parse(_text(_LINES))
    assert (samples.runtime_sha256, samples.model_sha256) == (_SHA["runtime"], _SHA["model"])
    assert (samples.sequences_crc32, samples.abi, samples.threads) == (0xC0DE, "aarch64", 2)
    assert (samples.cores, samples.worker_cores) == ((4, 7), (4, 7, 4))
    assert (samples.seed, samples.fully_accelerated) == (2**64 - 1, True)
    assert (samples.load_ns, samples.first_inference_ns) == (34_000_000, 900)
    assert (samples.peak_rss_bytes, samples.rows) == (57_000_000, 3)
    assert (samples.warmup_count, samples.timed_count) == (2, 3)
    assert samples.timed.tolist() == [False, False, True, True, True]
    assert samples.row_ids.tolist() == [11, 5, 5, 8, 11]
    assert samples.signatures == ("s128",) * 5
    assert samples.start_ns.tolist() == [0, 950, 1500, 2001, 2600]
    assert samples.duration_ns.tolist() == [900, 500, 501, 502, 503]
    assert samples.timed_ns.tolist() == [501, 502, 503]
    assert samples.cores_seen.tolist() == [4, 7, -1, 4, 4]
    assert samples.logits[5] == (-0.0412345, 1e-07, 12.0)
    assert math.isnan(samples.logits[8][0])
    assert samples.logits[8][1:] == (math.inf, -math.inf)
    assert np.float32(samples.logits[11][2]) == np.finfo(np.float32).max


def test_not_restricted_is_no_cores() -> None:
    """ "-" is the absence of a mask, not a core."""
    lines = [line.replace("cores 4,7", "cores -") if line.startswith("cores") else line for line in _LINES]
    assert _parse(_text(lines)).cores == ()


def _changed(old: str, new: str) -> list[str]:
    assert old in "\n".join(_LINES)
    return "\n".join(_LINES).replace(old, new).split("\n")


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (_changed("samples 1", "samples 2"), 1, "mobilebert-samples 1"),
        (_changed("program 1", "program 2"), 2, "program"),
        (_changed("a" * 64, "a" * 63), 3, "runtime_sha256"),
        (_changed("a" * 64, "A" * 64), 3, "runtime_sha256"),
        (_changed("abi aarch64", "abi armv7l"), 6, "abi"),
        (_changed("threads 2\n", ""), 7, "threads"),
        (_changed("threads 2", "threads 02"), 7, "threads"),
        (_changed("threads 2", "threads  2"), 7, "threads"),
        (_changed("cores 4,7\nworker", "cores 4,,7\nworker"), 8, "cores"),
        (_changed("rows 3", "rows 3\r"), 15, "rows"),
        (_changed("inference 1 ", "inference 2 "), 17, "index 1"),
        (_changed("1 w 5", "1 x 5"), 17, "inference"),
        (_changed("1 w 5", "1 t 5"), 25, "there are 1, 4 and 3"),
        (_changed("2 t 5", "2 w 5"), 25, "there are 3, 2 and 3"),
        (_changed("3 t 8", "3 w 8"), 19, "warm-up after"),
        (_changed(" 0 900 4", " 1 900 4"), 16, "start"),
        (_changed("950 500", "899 500"), 17, "start"),
        (_changed("950 500", "950 0"), 17, "duration of 0"),
        (_changed("950 500", "950 -5"), 17, "inference"),
        (_changed("950 500", "950 9999999999999999999"), 17, "too large"),
        (_changed("logits 8 ", "logits 5 "), 22, "again"),
        (_changed("1e-07 12", "1e-07"), 22, "another number"),
        (_changed("nan inf", "nan infinity"), 22, "logits"),
        (_changed("nan inf", "NaN inf"), 22, "logits"),
        (_changed("-0.0412345", "-.5"), 21, "logits"),
        (_LINES[:15], 16, "no inference"),
        (_LINES[:17] + _LINES[20:] + [_LINES[17]], 21, "checksum"),
    ],
)
def test_a_wrong_line_is_named(lines: list[str], line: int, says: str) -> None:
    """A device that writes something else than the format is a fault that somebody must be able to find."""
    with pytest.raises(OutputUnreadable) as raised:
        _parse(_text(lines))
    assert f"phone: line {line} of the samples file" in raised.value.what
    assert says in raised.value.what


@pytest.mark.parametrize(
    "lines",
    [
        _changed("first_inference_ns 900", "first_inference_ns 901"),
        _changed("rows 3", "rows 2"),
        _changed("logits 8 ", "logits 9 "),
        _changed("2 t 5 s128", "2 t 5 s64"),
    ],
)
def test_a_file_that_contradicts_itself(lines: list[str]) -> None:
    """Each line alone is fine, and together they cannot be true."""
    with pytest.raises(OutputUnreadable, match="contradicts itself"):
        _parse(_text(lines))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1 "),
        (_text(_LINES, end="end warmup=2 timed=3 logits=2"), "line 25 "),
        (_text(_LINES, end="end warmup=2 timed=3"), "line 25 "),
        (_text(_LINES) + "\n", "something follows"),
        (_text(_LINES) + "more", "something follows"),
        (_text(_LINES)[:-1], "the file ends"),
        (_text(_LINES).replace("\n", "\r\n"), "line 1 "),
        (_text(_LINES).replace("950 500", "950 501"), "line 24 "),
    ],
)
def test_a_torn_or_damaged_file(text: str, says: str) -> None:
    """Short, long, translated by a terminal, or with a digit changed on the way."""
    with pytest.raises(OutputUnreadable) as raised:
        _parse(text)
    assert says in raised.value.what


@given(cut=st.integers(0, len(_text(_LINES)) - 1))
def test_every_cut_is_refused(cut: int) -> None:
    """A file that was pulled in part must never count as a shorter launch."""
    with pytest.raises(OutputUnreadable):
        _parse(_text(_LINES)[:cut])


@given(line=st.integers(0, len(_LINES) + 1), new=st.text(max_size=80))
@example(line=0, new="")
@example(line=16, new="inference 1 w 5 s128 950 500 7")
def test_any_other_line_is_refused(line: int, new: str) -> None:
    """Whatever a line turns into: refused, or the same values; never another exception."""
    lines = _text(_LINES).split("\n")
    lines[line] = new
    try:
        samples = _parse("\n".join(lines))
    except OutputUnreadable:
        return
    assert _equal(samples, _parse(_text(_LINES)))


@given(line=st.integers(0, len(_LINES) - 1), new=st.text(max_size=80))
def test_a_wrong_line_under_a_right_checksum(line: int, new: str) -> None:
    """A faulty program writes a checksum that fits; the parser must still end in a value or its own error."""
    try:
        _parse(_text([*_LINES[:line], new, *_LINES[line + 1 :]]))
    except OutputUnreadable:
        return


def _launch(order: list[int], keys: dict[int, str] | None = None) -> Samples:
    """Two warm-up and three timed inferences over the rows of these ids, each under its key."""
    under = keys or dict.fromkeys(order, "s128")
    inferences = [
        f"inference {i} {'w' if i < 2 else 't'} {row} {under[row]} {1000 * i} 900 4"
        for i, row in enumerate(order)
    ]
    return _parse(_text(_LINES[:15] + inferences + _LINES[20:]))


_ASKED = {
    "timed": 3,
    "warmup_at_least": 2,
    "model_sha256": _SHA["model"],
    "runtime_sha256": _SHA["runtime"],
    "threads": 2,
    "seed": 2**64 - 1,
}


def test_the_launch_that_was_asked_for() -> None:
    """The good case, with the order of rows: two passes, the warm-up's cut after two rows."""
    passes = _ROW_IDS[shuffled_order(3, 2**64 - 1, 2)]
    order = [*passes[0][:2].tolist(), *passes[1].tolist()]
    expect(_launch(order), **_ASKED, row_ids=_ROW_IDS)  # type: ignore[arg-type]
    # Any other order is not what this seed gives.
    with pytest.raises(OutputUnreadable, match="another order"):
        expect(_launch([*order[:2], *order[:1:-1]]), **_ASKED, row_ids=_ROW_IDS)  # type: ignore[arg-type]


def test_several_signatures_in_one_file() -> None:
    """Each row under one of its own is no contradiction; which one is compared only where it is asked."""
    passes = _ROW_IDS[shuffled_order(3, 2**64 - 1, 2)]
    order = [*passes[0][:2].tolist(), *passes[1].tolist()]
    keys = {5: "s24", 8: "s128", 11: "s64"}
    samples = _launch(order, keys)
    assert samples.signatures == tuple(keys[row] for row in order)
    expect(samples, **_ASKED, row_ids=_ROW_IDS)  # type: ignore[arg-type]
    expect(samples, **_ASKED, row_ids=_ROW_IDS, signatures=("s24", "s128", "s64"))  # type: ignore[arg-type]
    with pytest.raises(OutputUnreadable, match="row 8: signature s64 asked for, s128 ran"):
        expect(samples, **_ASKED, row_ids=_ROW_IDS, signatures=("s24", "s64", "s64"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"timed": 4}, "timed inferences: 4"),
        ({"timed": 2}, "timed inferences: 2"),
        ({"warmup_at_least": 3}, "warm-up inferences: 3"),
        ({"model_sha256": "c" * 64}, "the model's SHA-256"),
        ({"runtime_sha256": "c" * 64}, "the runtime library's SHA-256"),
        ({"threads": 4}, "threads: 4"),
        ({"seed": 1}, "seed: 1"),
    ],
)
def test_another_launch_than_was_asked_for(asked: dict[str, object], says: str) -> None:
    """A good file of another launch is the wrong file; n is never shrunk silently."""
    with pytest.raises(OutputUnreadable) as raised:
        expect(_parse(_text(_LINES)), **{**_ASKED, **asked})  # type: ignore[arg-type]
    assert says in raised.value.what
