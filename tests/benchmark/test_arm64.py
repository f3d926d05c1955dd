"""The ARM bundle with the real model, on an emulated ARM processor: it runs, and answers like this host."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from android_runner.bundle import device_bundle
from android_runner.virtual.phone import VirtualPhone
from benchmark.cli import call
from benchmark.device_parity import compare, far_apart
from tests.android_runner.program import arguments, samples_at, start
from tests.android_runner.qemu_user import inside_qemu
from tests.benchmark.small import QUICK, Real


@pytest.mark.slow
def test_the_real_artifact_on_arm64(real: Real, tmp_path: Path) -> None:
    """Five inferences of the file that a phone gets, each of another sequence, by the phone's own program.

    Five rows are too few for the rule's full sharpness, so they stand for it with twice its tolerance.
    """
    rows = far_apart(real.host, 5)
    real.rows.take(rows).write(tmp_path / "rows.seq")
    out = tmp_path / "out.samples"
    command = arguments(real.files.model_path, tmp_path / "rows.seq", out, threads=2, inferences=5)
    ended = start(device_bundle("arm64-v8a"), command, inside=inside_qemu(tmp_path))
    assert ended.exit_code == 0, ended.stderr
    samples = samples_at(out)
    assert (samples.abi, samples.timed_count) == ("aarch64", 5)
    device = np.array([samples.logits[int(row)] for row in real.rows.row_ids[rows]], np.float32)
    parity = compare("int8", device, real.host[rows], real.float32[rows], "dynamic_int8", same_kernels=False)
    assert parity.difference < 2 * parity.tolerance
    assert (device.argmax(axis=1) == real.host[rows].argmax(axis=1)).all()


@pytest.mark.adbd
@pytest.mark.slow
def test_the_whole_job_on_an_arm64_phone(run: Callable[..., int]) -> None:
    """Probe, push, ARM bundle, parity across instruction sets, launches, verdict: all over a real adbd."""
    with VirtualPhone(arm64=True) as phone:
        assert run(phone.selector, "--recipe", "dynamic_int8,float32") == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    assert record["program"]["abi"] == "arm64-v8a"
    assert [one["status"] for one in record["parities"]] == ["passed", "passed"]
    assert [one["statistic"] for one in record["parities"]] == ["rms", "largest"]
    assert len(record["launches"]) == 10
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    assert verdict["verdict"]["status"] == "not_comparable"


@pytest.mark.adbd
@pytest.mark.slow
def test_latency_of_bare_files_on_an_arm64_phone(
    run: Callable[..., int], small_checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file whose float32 form nobody has is measured too, and a sound phone is not called wrong."""
    assert call(["export", "--checkpoint", str(small_checkpoint)]) == 0
    folder = Path(capfd.readouterr().out.splitlines()[-1].strip())
    bare = tmp_path / "bare.tflite"
    bare.write_bytes((folder / "model.tflite").read_bytes())
    with VirtualPhone(arm64=True) as phone:
        for model in (folder, bare):
            assert call(["latency", str(model), "--device", phone.selector, *QUICK]) == 0
    for number in ("0001", "0002"):
        record = json.loads(Path(f"runs/{number}/record.json").read_text())
        assert [one["status"] for one in record["parities"]] == ["passed"]
        assert len(record["launches"]) == 5
