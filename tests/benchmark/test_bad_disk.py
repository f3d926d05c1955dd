"""Disks that are full or read-only: one clear error, and what was saved is still there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from export.artifact import build
from export.checkpoint import open_checkpoint
from tests.android_runner.tiny_model import LENGTH, tiny_model
from tests.benchmark.refusals import Refused, check_error
from tests.benchmark.small import QUICK

HOST = ("--device", "host", "--threads", "1", *QUICK)


pytestmark = pytest.mark.usefixtures("own_folder")


# Calls, then looks at what was kept, from where the mounted folder can be seen.
CALL = """
import pathlib, sys
from benchmark.cli import call
from results.store import RunStore
exit_code = call(sys.argv[2:])
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    assert path.suffix != ".part" and not path.name.startswith((".part-", "building-")), path
    if path.name == "record.json":
        RunStore.open(path.parent).load()
sys.exit(exit_code)
"""


@pytest.fixture
def refused_inside(tmp_path: Path) -> Refused:
    """As `refused`, with a folder mounted by bwrap as `how` says: root may write to any other folder."""
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")

    def _call(how: list[str], folder: Path, argv: list[object], slug: str, *words: str) -> str:
        sandbox = ["bwrap", "--dev-bind", "/", "/", *how, str(tmp_path / folder)]
        ended = subprocess.run(
            [*sandbox, sys.executable, "-c", CALL, str(folder), *map(str, argv)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        check_error(ended.stderr, ended.returncode, slug, *words)
        return ended.stderr

    (tmp_path / "out").mkdir()
    return _call


def test_a_read_only_output_folder(checkpoint: Path, refused_inside: Refused, tmp_path: Path) -> None:
    """Nothing can be recorded, so nothing is evaluated."""
    job = ["accuracy", "--checkpoint", checkpoint, "--output", "out"]
    said = refused_inside(
        ["--ro-bind", str(tmp_path)], Path("out"), job, "record-not-saved", "Read-only file system"
    )
    assert "Exporting" not in said


@pytest.mark.parametrize(
    ("pages", "kept"), [(2, "settings only"), (4, "pairs, model, chunks of dynamic_int8")]
)
def test_a_full_disk(pages: int, kept: str, checkpoint: Path, cache: Path, refused_inside: Refused) -> None:
    """The disk is full at the second save, or once predictions are written: what was saved is still there."""
    for recipe in ("dynamic_int8", "float32"):
        build(open_checkpoint(str(checkpoint)), recipe, cache_dir=cache / "artifacts")
    job = ["accuracy", "--checkpoint", checkpoint, "--output", "out", "--lengths", "128"]
    full = ["--size", str(4096 * pages), "--tmpfs"]
    said = refused_inside(full, Path("out"), job, "record-not-saved", "No space left on device")
    assert f"  kept   out/0001/record.json: {kept}." in said


@pytest.mark.parametrize(("command", "slug"), [("export", "conversion"), ("latency", "bundle-unavailable")])
def test_a_full_cache(
    command: str, slug: str, checkpoint: Path, refused_inside: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a converted model nor the device program's bundle may be left in halves for the next call."""
    argv = {"export": ["--checkpoint", checkpoint], "latency": [tiny_model(LENGTH), *HOST]}[command]
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(Path("out").absolute()))
    full = ["--size", "65536", "--tmpfs"]
    refused_inside(full, Path("out"), [command, *argv], slug, "No space left on device")
