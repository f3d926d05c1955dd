"""The wheel that `make dist` makes: what an owner of a phone installs, who has no compiler and no apt."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from export.artifact import build
from export.checkpoint import open_checkpoint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ABIS = ("arm64-v8a", "x86_64")
# What .gitignore names at the top, and git's own.
NOT_SOURCES = {"runs", "data", "build", "dist"}
NO_TOOLS = ("apt-get", "dpkg-deb", "dpkg", "cc", "zig")
BUNDLE = """
import sys
from android_runner.bundle import device_bundle, host_bundle
for bundle in (host_bundle(), *map(device_bundle, sys.argv[1:])):
    print(bundle.abi, bundle.program.program_sha256, bundle.folder)
"""


def made_here() -> set[Path]:
    """What a build may leave in this tree."""
    return {path for name in ("android_runner/bundles", "dist") for path in (ROOT / name).rglob("*")}


def not_sources(folder: str, names: list[str]) -> set[str]:
    left_out = {name for name in names if name.startswith(".") or name in ("__pycache__", "bundles")}
    return left_out | (NOT_SOURCES & set(names) if Path(folder) == ROOT else set())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make dist` does, from a copy: nothing may be left in this tree."""
    copy, before = tmp_path_factory.mktemp("dist") / "copy", made_here()
    shutil.copytree(ROOT, copy, ignore=not_sources)
    for module in (("android_runner.native.build", "--package"), ("hatchling", "build", "-t", "wheel")):
        subprocess.run([sys.executable, "-m", *module], cwd=copy, check=True, capture_output=True)
    assert made_here() == before, "a bundle left here would go into the next wheel, made of whatever sources"
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a venv of its own, with this venv's dependencies but without Zig, a compiler or apt."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "dependencies.pth").write_text(f"{here}\n")
    (packages / "ziglang.py").write_text("raise ImportError('there is no compiler here')\n")
    for tool in NO_TOOLS:
        (venv / "bin" / tool).write_text("#!/bin/sh\necho there is none here >&2\nexit 1\n")
        (venv / "bin" / tool).chmod(0o755)
    return venv


def start(venv: Path, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the venv in another folder, with an empty cache and no hub."""
    environment = {
        "PATH": f"{venv / 'bin'}:/usr/bin:/bin",
        "HOME": str(folder),
        "MOBILEBERT_BENCH_CACHE": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    command = [str(venv / "bin" / argv[0]), *argv[1:]]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_wheel_holds_what_runs_need(wheel: Path) -> None:
    """Package data that is not named is silently left out, and missed at a user's."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    native = {
        f"android_runner/native/{path.name}" for path in (ROOT / "android_runner/native").glob("*.[ch]")
    }
    assert len(native) > 20
    wanted = native | {
        "android_runner/native/pins.toml",
        "android_runner/virtual/preload.c",
        "android_runner/virtual/android/dumpsys",
        "benchmark/example/pairs.tsv",
        "benchmark/example/vocab.txt",
        "results/claims.toml",
        *(f"results/schema/{path.name}" for path in (ROOT / "results/schema").glob("*.json")),
    }
    assert not wanted - names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "examples/", "docs/", "runs/", "data/"))]


@pytest.mark.parametrize("abi", ABIS)
def test_the_wheel_holds_whole_bundles_with_licences(wheel: Path, abi: str) -> None:
    """Every file of the manifest is in it unchanged, and the licence of everything that is passed on."""
    folder = f"android_runner/bundles/{abi}"
    with zipfile.ZipFile(wheel) as archive:
        manifest = json.loads(archive.read(f"{folder}/manifest.json"))
        for name, said in manifest["files"].items():
            assert hashlib.sha256(archive.read(f"{folder}/{name}")).hexdigest() == said["sha256"]
        licences = {
            name.removeprefix(f"{folder}/licenses/"): archive.getinfo(name).file_size
            for name in archive.namelist()
            if name.startswith(f"{folder}/licenses/")
        }
    assert {"mobilebert-bench.txt", "ai-edge-litert.txt", "zig.txt", "libc6.txt", "LGPL-2.1.txt"} <= set(
        licences
    )
    assert min(licences.values()) > 500


def test_bundles_are_ready_made(installed: Path, tmp_path: Path) -> None:
    """No compiler, no apt: both devices' bundles and the host's program come out of the wheel."""
    ended = start(installed, tmp_path, "python", "-c", BUNDLE, *ABIS)
    assert ended.returncode == 0, ended.stderr
    host, *devices = (line.split(" ", 2) for line in ended.stdout.splitlines())
    assert [abi for abi, _, _ in devices] == list(ABIS)
    assert all(Path(folder).is_relative_to(installed) for _, _, folder in devices)
    assert host[1] in {program for _, program, _ in devices}


@pytest.mark.parametrize(("argv", "says"), [(["--help"], "exit codes"), (["devices"], "host")])
def test_the_command_works_from_another_folder(
    installed: Path, tmp_path: Path, argv: list[str], says: str
) -> None:
    """The command is there, and needs nothing of this tree."""
    ended = start(installed, tmp_path, "mobilebert-bench", *argv)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert says in ended.stdout


def test_latency_is_measured_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    """The way from a model to a verdict, on a machine that has only what was installed."""
    model = build(open_checkpoint("seeded"), "dynamic_int8").folder
    timing = ("--launches", "1", "--inferences", "6", "--warmup-inferences", "1", "--warmup-seconds", "0")
    ended = start(
        installed,
        tmp_path,
        "mobilebert-bench",
        "latency",
        str(model),
        "--device",
        "host",
        "--threads",
        "1",
        *timing,
    )
    assert ended.returncode == 0, ended.stderr
    record = json.loads((tmp_path / "runs/0001/record.json").read_text())
    assert record["parities"][0]["status"] == "passed"
