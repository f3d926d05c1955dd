"""The parity check on the real architecture: what must not pass, by either rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from android_runner.bundle import host_bundle
from android_runner.sequences import Sequences
from benchmark.device_parity import compare
from export.checkpoint import open_checkpoint
from results.record import DeviceParity
from tests.android_runner.program import arguments, samples_at, start
from tests.benchmark.small import Real


@pytest.fixture
def judged(real: Real, tmp_path: Path) -> Callable[..., list[DeviceParity]]:
    """Run the device program on this host with other rows or another model; both rules' judgement."""

    def _judge(rows: Sequences = real.rows, model: Path = real.files.model_path) -> list[DeviceParity]:
        rows.write(tmp_path / "rows.seq")
        out = tmp_path / "out.samples"
        ended = start(
            host_bundle(),
            arguments(model, tmp_path / "rows.seq", out, threads=2, inferences=len(rows.row_ids)),
        )
        assert ended.exit_code == 0, ended.stderr
        samples = samples_at(out)
        device = np.array([samples.logits[int(row)] for row in real.rows.row_ids], np.float32)
        return [
            compare("int8", device, real.host, real.float32, "dynamic_int8", same_kernels=same)
            for same in (True, False)
        ]

    return _judge


def _statuses(parities: list[DeviceParity]) -> list[str]:
    return [parity.status for parity in parities]


def test_the_untouched_model_passes(judged: Callable[..., list[DeviceParity]]) -> None:
    """Otherwise the failures below would prove nothing; and the rows are far enough apart for both rules."""
    assert _statuses(judged()) == ["passed", "passed"]


def test_one_flipped_weight_byte(
    judged: Callable[..., list[DeviceParity]], real: Real, tmp_path: Path
) -> None:
    """The sign of one 8-bit weight of the classifier: the file loads and runs, and answers wrongly."""
    content = bytearray(real.files.model_path.read_bytes())
    content[_classifier_weights(content, real) + 5] ^= 0x80
    tampered = tmp_path / "tampered.tflite"
    tampered.write_bytes(content)
    assert _statuses(judged(model=tampered)) == ["failed", "failed"]


def test_swapped_ids_and_types(judged: Callable[..., list[DeviceParity]], real: Real) -> None:
    """Inputs bound by order instead of by name: the commonest fault of converted BERTs."""
    rows = dataclasses.replace(
        real.rows,
        input_ids=real.rows.token_type_ids,
        token_type_ids=(real.rows.input_ids > 0).astype(np.int32),
    )
    assert _statuses(judged(rows)) == ["failed", "failed"]


def test_a_wrong_mask(judged: Callable[..., list[DeviceParity]], real: Real) -> None:
    """Padding that is attended to."""
    rows = dataclasses.replace(real.rows, attention_mask=np.ones_like(real.rows.attention_mask))
    assert _statuses(judged(rows)) == ["failed", "failed"]


def test_rows_out_of_order(judged: Callable[..., list[DeviceParity]], real: Real) -> None:
    """The right logits under the wrong row ids."""
    rows = dataclasses.replace(real.rows, row_ids=np.roll(real.rows.row_ids, 1))
    assert _statuses(judged(rows)) == ["failed", "failed"]


def _classifier_weights(content: bytearray, real: Real) -> int:
    """Where the classifier's int8 weights begin in the file."""
    weight = open_checkpoint("seeded").tensors["classifier.weight"]
    quantized = np.round(weight / np.abs(weight).max(axis=1, keepdims=True) * 127).astype(np.int8).tobytes()
    assert content.count(quantized) == 1
    return content.index(quantized)
