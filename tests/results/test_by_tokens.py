"""Latency by real tokens: the counts are those of the file that ran, or there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from android_runner.sequences import Sequences
from results.by_tokens import token_latencies
from results.report.text import as_text
from results.report.view import build_view
from results.row_tokens import read_files, tokens_by_row, with_tokens
from results.samples import LaunchSamples
from results.series import series
from tests.results.make_run import Run, make_run, parity
from tests.results.test_verdict import verdict_of

REAL = (12, 12, 20, 30, 30, 31, 128, 90)  # tokens of rows 0 to 7


def rows() -> Sequences:
    length = 128
    mask = np.array([np.arange(length) < real for real in REAL], dtype=np.int32)
    return Sequences(
        row_ids=np.arange(len(REAL)),
        input_ids=mask,
        attention_mask=mask,
        token_type_ids=np.zeros_like(mask),
        vocabulary_size=10,
    )


def run_of(data: bytes, crc32: str | None = None, **changes: int) -> Run:
    """A recorded run whose launches say that they ran this file."""
    run = make_run(**changes)  # type: ignore[arg-type]  # numbers of launches and inferences
    said = data[-4:][::-1].hex() if crc32 is None else crc32
    for name in run.samples:
        run.raw[name] = run.raw[name].replace(b"program 1\n", f"sequences_crc32 {said}\n".encode())
    return run


def samples_of(run: Run, folder: Path) -> dict[str, LaunchSamples]:
    files = read_files(sorted(folder.glob("timed*.seq")))
    return {name: with_tokens(held, files) for name, held in run.samples.items()}


def test_each_inference_gets_the_tokens_of_its_row(tmp_path: Path) -> None:
    """Padding left out: the runtime is given 128 tokens, and 12 of them are words."""
    rows().write(tmp_path / "timed.seq")
    run = run_of(rows().to_bytes())
    samples = samples_of(run, tmp_path)
    held = samples["launch-000-float32.samples"]
    assert held.tokens is not None
    assert held.tokens.tolist() == [REAL[row] for row in held.row.tolist()]
    assert tokens_by_row(samples) == dict(enumerate(REAL))


@pytest.mark.parametrize("damage", ["missing", "torn", "other", "cut", "foreign", "other rows"])
def test_no_file_no_tokens(tmp_path: Path, damage: str) -> None:
    """A file that is not the one that ran must not lend its lengths to sequences it does not know."""
    data = rows().to_bytes()
    run = run_of(data, "00000000" if damage == "other" else None)
    if damage == "other rows":
        data = rows().take(np.arange(3)).to_bytes()
        run = run_of(data)
    torn = bytes([*data[:40], data[40] ^ 1, *data[41:]])
    written = {"torn": torn, "cut": data[:-9], "foreign": b"MBSEQ002" + data[8:]}.get(damage, data)
    if damage != "missing":
        (tmp_path / "timed.seq").write_bytes(written)
    samples = samples_of(run, tmp_path)
    assert all(held.tokens is None for held in samples.values())
    assert token_latencies(run.record, samples, series(run.record, "float32")) is None
    assert tokens_by_row(samples) == {}


def test_bands_hold_every_sequence_once(tmp_path: Path) -> None:
    """No inference may fall between two bands."""
    rows().write(tmp_path / "timed.seq")
    run = run_of(rows().to_bytes(), inferences=80)
    found = token_latencies(run.record, samples_of(run, tmp_path), series(run.record, "float32"))
    assert found is not None
    assert [(one.fewest, one.most) for one in found.bands] == [
        (12, 12),
        (20, 20),
        (30, 31),
        (90, 90),
        (128, 128),
    ]
    assert [one.sequences for one in found.bands] == [2, 1, 3, 1, 1]
    assert sum(one.inferences for one in found.bands) == 800
    assert all(one.p50.interval is not None for one in found.bands)


def test_the_report_shows_them_with_too_few_said(tmp_path: Path) -> None:
    """Five inferences of one length in a launch have no p50: a dash with its reason."""
    rows().write(tmp_path / "timed.seq")
    run = run_of(rows().to_bytes())
    view = build_view(run.record, samples_of(run, tmp_path), run.predictions, verdict_of(run))
    (table,) = (one for one in view.tables if one.id == "tokens")
    assert [str(cell) for cell in table.rows[1]] == ["float32", "20", "1", "-", "50"]
    assert "float32, 20 tokens: n too small (need >= 6 per launch, has 5)." in table.lines
    assert "every sequence is padded to length 128" in " ".join(as_text(view).split())


def test_what_does_not_count_has_no_lengths(tmp_path: Path) -> None:
    """No latency without parity or a valid launch, by tokens as little as otherwise."""
    rows().write(tmp_path / "timed.seq")
    run = run_of(rows().to_bytes())
    of = series(run.record, "float32")
    for other in (
        run.change(parities=(parity("float32", status="void"),)),
        run.each_launch(invalid=("slowdown",)),
    ):
        assert token_latencies(other.record, samples_of(other, tmp_path), of) is None
    unread = build_view(run.record, run.samples, run.predictions, verdict_of(run))
    assert not [table for table in unread.tables if table.id == "tokens"]
