"""What README and docs tell people to type: every command is run, or exists, as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_runner.virtual.build import cache_folder, phone_root
from android_runner.virtual.phone import VirtualPhone
from benchmark.cli import _parser, call

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The README's phone; a virtual one stands in for it.
ADDRESS = "tcp:192.168.1.20:5555"


def _commands() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for block in re.findall(r"^ *```sh\n(.*?)^ *```", document.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.split("  #")[0].strip()
                if command and not command.startswith("#"):
                    yield document.name, command


def _ours(program: str) -> list[str]:
    return [command for _, command in _commands() if command.split()[0] == program]


def test_every_command_is_of_a_known_kind() -> None:
    """A command of another program must be added here on purpose, with a way to check it."""
    assert {command.split()[0] for _, command in _commands()} <= {
        "mobilebert-bench",
        "make",
        "adb",
        "git",
        "cd",
        "dask",  # tests/benchmark/cluster/test_command.py
    }
    assert len(_ours("mobilebert-bench")) >= 5


@pytest.mark.parametrize("command", _ours("mobilebert-bench"))
def test_commands_parse(command: str) -> None:
    """No flag in the docs is misspelt or gone."""
    _parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("command", _ours("make"))
def test_targets_exist(command: str) -> None:
    """make knows each target; what they do is run by CI itself."""
    done = subprocess.run(
        ["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.adbd
@pytest.mark.slow
def test_the_readme_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The README's commands, in their order, in one folder; its phone is a virtual one, its slices quick."""
    phone_root()
    shared = cache_folder()
    monkeypatch.setattr("android_runner.virtual.build.cache_folder", lambda: shared)
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "android"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MOBILEBERT_BENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with VirtualPhone() as phone:
        for document, command in _commands():
            if document != "README.md" or not command.startswith("mobilebert-bench"):
                continue
            argv = [phone.selector if word == ADDRESS else word for word in shlex.split(command)[1:]]
            if argv[0] in ("run", "latency", "ab"):
                argv += ["--launches", "5", "--inferences", "36", "--warmup-seconds", "0.1"]
            if argv[0] in ("run", "accuracy") and "--quick" not in argv:
                argv += ["--slice", "36"]
            # The README's run has ended by then, so there is nothing to go on with.
            expected = (4,) if argv[0] == "resume" else (0, 1, 3) if argv[0] == "ab" else (0, 3)
            assert call(argv) in expected, (command, capfd.readouterr().err)


def test_every_fault_has_its_test() -> None:
    """docs/reliability.md promises a test in each row: a renamed one must not leave an empty promise."""
    table = (ROOT / "docs/reliability.md").read_text().partition("## Faults that are tested")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(rows) >= 24
    for row in rows:
        named = re.findall(r"test_\w+", row.rsplit("|", 2)[1])
        assert named, row
        assert set(named) <= known, row
