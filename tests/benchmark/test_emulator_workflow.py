"""The workflow that runs on Android's emulator: its form, and its commands against a virtual phone.

It cannot run here. What it does there after the emulator is up is one script, which is run below; a virtual
phone's own mark outweighs an emulator's, so the emulator's verdict is looked at on a recorded run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator
from results.claims import load_claims
from results.encode import encode
from results.evaluated import DeviceAccuracy
from results.record import DeviceParity
from results.verdict import judge
from tests.benchmark.small import EXAMPLE
from tests.results.make_run import make_run

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/emulator.yml"
BIN = Path(sys.executable).parent
RUN, CHECK = ROOT / ".ci/emulator", ROOT / ".ci/expect_not_comparable.py"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return jobs


def _steps(jobs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in jobs.values():
        yield from job["steps"]


def test_the_workflow_is_one(jobs: dict[str, Any]) -> None:
    """GitHub ignores a workflow of the wrong form, and nothing would say that it never runs."""
    argv = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_shell_is_shell(jobs: dict[str, Any]) -> None:
    """A quote that is left open is found here, not after ten minutes of an emulator."""
    texts = [text for step in _steps(jobs) if (text := step.get("run") or step.get("with", {}).get("script"))]
    assert len(texts) >= 5
    for text in (*texts, RUN.read_text(encoding="utf-8")):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_actions_are_pinned(jobs: dict[str, Any]) -> None:
    """A tag can be moved to other code; a commit cannot. The version stands beside it for readers."""
    used = re.findall(r"uses: (.+)", WORKFLOW.read_text(encoding="utf-8"))
    assert len(used) == sum("uses" in step for step in _steps(jobs))
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_what_it_may_do_and_for_how_long(jobs: dict[str, Any]) -> None:
    """A pull request of a stranger runs this too: it reads the repository, and it ends."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in jobs.values())


def test_the_emulator_runs_the_script_that_is_tested_here(jobs: dict[str, Any]) -> None:
    """Each line of `script` gets a shell of its own, so there is one; and the file can be run."""
    (step,) = (step for step in _steps(jobs) if "script" in step.get("with", {}))
    (line,) = step["with"]["script"].strip().splitlines()
    assert line.split() == [".ci/emulator", "server:/emulator-5554", "emulator"]
    assert os.access(RUN, os.X_OK)


def _on_emulator(folder: Path, **changes: Any) -> Path:  # noqa: ANN401 (fields of Device)
    """A recorded run whose device is the Android emulator; its record and verdict in a folder."""
    run = make_run(launches=10)
    assert run.record.device is not None
    fields = {"kind": "emulator", "soc": "ranchu", "abi": "x86_64", "model": "sdk_gphone64_x86_64"} | changes
    record = dataclasses.replace(
        run.record, device=dataclasses.replace(run.record.device, **fields), parities=(_parity(),)
    )
    verdict = judge(record, run.samples, run.predictions, load_claims())
    record = dataclasses.replace(record, device_accuracies=(_device_accuracy(200, 199),))
    (folder / "record.json").write_bytes(encode(record))
    (folder / "verdict.json").write_bytes(encode(verdict))
    return folder


def _parity() -> DeviceParity:
    return DeviceParity(
        recipe="float32",
        status="passed",
        rows=32,
        statistic="largest",
        difference=0.0,
        tolerance=1.0,
        min_row_distance=20.0,
        rule="a rule",
    )


def _device_accuracy(rows: int, agreeing: int) -> DeviceAccuracy:
    return DeviceAccuracy(
        recipe="float32",
        rows=rows,
        correct=170,
        host_correct=170,
        agreeing=agreeing,
        max_difference=0.01,
        rms_difference=0.001,
        seconds=9.0,
        predictions_file="device-predictions-float32.csv",
        predictions_sha256="0" * 64,
    )


def _check(folder: Path, *arguments: str) -> tuple[int, str]:
    argv = [sys.executable, CHECK, folder, "--reason", "emulator", "--rows", "200", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_emulators_run_is_as_expected(tmp_path: Path) -> None:
    """Fast as a phone, and no phone: the verdict that the workflow waits for."""
    code, text = _check(_on_emulator(tmp_path))
    assert (code, text.splitlines()[-1]) == (0, "and a latency that is not_comparable: emulator.")


def test_a_latency_that_passes_for_a_phones_is_not(tmp_path: Path) -> None:
    """The fault that the workflow is there to find."""
    changed = {"kind": "phone", "soc": "SM8150", "abi": "arm64-v8a", "model": "Pixel 4"}
    code, text = _check(_on_emulator(tmp_path, **changed))
    assert code == 1
    assert "its reasons do not name emulator" in text
    assert "the latency claim is " in text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("parities", [], "no device parity was checked"),
        ("parities", [{"recipe": "float32", "status": "failed"}], "parity failed of float32"),
        ("launches", [], "0 launches"),
        ("device_accuracies", [], "float32 on the device: [] pairs, not 200"),
        (
            "device_accuracies",
            [{"recipe": "float32", "rows": 200, "agreeing": 190}],
            "10 of 200 predictions of float32 differ from this host's",
        ),
    ],
)
def test_a_step_that_did_not_run_is_named(tmp_path: Path, field: str, value: object, words: str) -> None:
    """A green workflow has to mean that everything ran there."""
    path = _on_emulator(tmp_path) / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    code, text = _check(tmp_path)
    assert (code, text.strip()) == (1, f"not as expected: {words}")


@pytest.mark.adbd
def test_the_script_on_a_virtual_phone(tmp_path: Path, cache: Path, small_checkpoint: Path) -> None:
    """Every command of the workflow, in its order, to the end that it expects."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "MOBILEBERT_BENCH_DATA"},
        "BIN": str(BIN),
        "OUT": str(tmp_path / "out"),
        "ROWS": "40",
        "MOBILEBERT_BENCH_CACHE": str(cache),
        "ANDROID_USER_HOME": str(tmp_path / "android"),
        "HF_HUB_OFFLINE": "1",
    }
    quick = ("--inferences", "36", "--warmup-inferences", "2", "--warmup-seconds", "0.05")
    data = ("--pairs", str(EXAMPLE / "pairs.tsv"), "--checkpoint", str(small_checkpoint))
    with VirtualPhone(emulator()) as phone:
        argv = [RUN, phone.selector, "virtual phone", *data, *quick]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("and a latency that is not_comparable: virtual phone.\n")
    for name in ("devices.txt", "doctor.txt", "report.txt", "runs/0001/verdict.json"):
        assert (tmp_path / "out" / name).stat().st_size > 0
