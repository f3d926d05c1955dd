"""`make test` in two processes: nothing may fall between them, fail unheard, or outlive them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import halves

ROOT = Path(__file__).parents[1]
# What leads to a device program on this machine.
STARTS = ('"--device"', "HostLink", "VirtualPhone", "host_bundle", "device_bundle")
PROGRAM = "from tests.halves import run; import sys; raise SystemExit(run(sys.argv[1:3], sys.argv[3:5]))"


def _run(rest: str, beside: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", PROGRAM, "bash", rest, "bash", beside]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def _script(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_every_file_is_in_one_half() -> None:
    """pytest says nothing of an --ignore that names no file; what one list alone names would run twice."""
    assert all((ROOT / path).exists() for path in halves.BESIDE)
    assert tuple(f"--ignore={path}" for path in halves.BESIDE) == halves.REST


@pytest.mark.parametrize("half", halves.BESIDE)
def test_no_device_program_runs_beside(half: str) -> None:
    """One there would make the other process's tests end as "busy", now and then."""
    path = ROOT / half
    for file in path.rglob("*.py") if path.is_dir() else [path]:
        text = file.read_text(encoding="utf-8")
        assert not [word for word in STARTS if word in text], file


@pytest.mark.parametrize(("rest", "beside", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 5, 1), (-1, 0, 1)])
def test_both_have_to_pass(tmp_path: Path, rest: int, beside: int, code: int) -> None:
    """A half that fails, or was killed, must not be hidden by the other's success."""
    scripts = [
        _script(
            tmp_path / name, f"echo {name}; kill -9 $$\n" if status < 0 else f"echo {name}; exit {status}\n"
        )
        for name, status in (("rest", rest), ("beside", beside))
    ]
    done = _run(*scripts)
    assert done.returncode == code
    # Each in one piece, whichever was the faster.
    assert [line for line in done.stdout.splitlines() if line and "=" not in line] == ["rest", "beside"]


def test_whoever_ends_it_ends_both(tmp_path: Path) -> None:
    """`kill` of the starter alone, as a time limit does: both are interrupted, and clean up."""
    half = tmp_path / "half.py"
    half.write_text(
        "import pathlib, signal, sys, time\n"
        "def down(number, frame):\n"
        f"    with open({str(tmp_path / 'said')!r}, 'a') as said: said.write('down ')\n"
        "    sys.exit(2)\n"
        "signal.signal(signal.SIGINT, down)\n"
        f"with open({str(tmp_path / 'up')!r}, 'a') as up: up.write('up ')\n"
        "time.sleep(15)\n"
    )
    # bash itself may miss a signal that comes while it starts a command.
    script = _script(tmp_path / "half", f"exec {sys.executable} {half}\n")
    # As in the background of a script, where Ctrl-C is ignored, and so would be by both halves.
    ignored = ["bash", "-c", "trap '' INT; exec \"$@\"", "-"]
    argv = [*ignored, sys.executable, "-c", PROGRAM, "bash", script, "bash", script]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as started:
        while not (tmp_path / "up").exists() or (tmp_path / "up").read_text().count("up") < 2:
            assert started.poll() is None
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=20) == 130
    assert (tmp_path / "said").read_text().count("down") == 2
