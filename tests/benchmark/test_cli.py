"""The command line as its user meets it: help, typing mistakes, exit codes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark import cli
from benchmark.cli import call
from benchmark.console import Console
from tests.results.make_history import run_summary, write_run

COMMANDS = ("run", "export", "accuracy", "latency", "table", "devices", "report", "ab", "compare", "gate")


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    """--help answers at once, because it opens neither TensorFlow nor any other of the large libraries."""
    code = (
        "import sys; from benchmark.cli import call\n"
        "try: call(sys.argv[1:])\nexcept SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'transformers', 'pandas', 'numpy', 'scipy', 'adb_shell', 'rich'}\n"
        "found = heavy & set(sys.modules)\nassert not found, found"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "exit codes" in done.stdout


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "COMMAND"),
        (["rnu"], "Did you mean run?"),
        (["run", "--runner", "benchmarkmodel"], "Did you mean benchmark_model?"),
        (["run", "--commit", ""], "--commit '' is no name"),
        (["run", "--lunches", "3"], "--lunches"),
        (["run", "--launches", "three"], "three"),
        (["run", "--launches", "0"], "--launches 0 is outside 1 to 1000"),
        (["run", "--slice", "0"], "--slice 0 is outside"),
        (["run", "--length", "4"], "--length 4 is outside"),
        (["run", "--recipe", "float32,float32"], "or one twice"),
        (["run", "--threads", "-1"], "--threads -1 is outside"),
        (["run", "--device", "tcp:pixel"], "not an address of a device"),
        (["run", "--device", "host", "--recipe", "int8"], "int8"),
        (["latency"], "MODEL"),
        (["table", "--models", "mobilebrt,bert_base"], "Did you mean mobilebert?"),
        (["table", "--models", "mobilebert"], "does not name two different models"),
        (["table", "--models", "mobilebert,mobilebert"], "does not name two different models"),
        (["table", "--checkpoint", "seeded"], "--checkpoint"),
        (["table", "--recipe", "float23"], "Did you mean float32?"),
    ],
)
def test_wrong_calls_exit_2_and_say_why(
    argv: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A typing mistake is answered with what is wrong and what to do, never with a traceback."""
    assert call(argv) == 2
    err = capfd.readouterr().err
    assert words in err
    assert "  next   " in err
    assert "Traceback" not in err


def test_a_missing_run_folder_is_one_error(capfd: pytest.CaptureFixture[str]) -> None:
    """report on a folder that is not there says so."""
    assert call(["report", "runs/nowhere"]) == 4
    assert "runs/nowhere" in capfd.readouterr().err


def test_report_does_not_import_tensorflow() -> None:
    """Reading a record must be quick and work where the converter is not installed."""
    code = (
        "import sys; from benchmark.cli import call\nassert call(['report', 'nowhere']) == 4\n"
        "assert not {'tensorflow', 'transformers', 'adb_shell', 'export'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_full_stdout_is_an_error_and_a_closed_one_is_not() -> None:
    """Output that goes nowhere must not look like success; `| head` must not look like a failure."""
    command = f"{sys.executable} -c 'from benchmark.cli import main; main([\"devices\"])'"
    full = subprocess.run(["sh", "-c", f"{command} > /dev/full"], capture_output=True, text=True, check=False)
    assert (full.returncode, "Traceback" in full.stderr) == (4, False), full.stderr
    assert "error: output-not-written" in full.stderr
    closed = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_reader_that_left_changes_no_exit_code(tmp_path: Path) -> None:
    """A gate piped into `head` that ended with 0 would pass; an error that nobody reads is no 1, "slower"."""
    for number in range(14):
        write_run(tmp_path / "runs", run_summary(number, [36.6 if number < 10 else 38.8]))
    for folder, streams, code in (("runs", "", 1), ("nowhere", "2>&1", 2)):
        called = f'main(["gate", "{tmp_path / folder}"])'
        command = f"{sys.executable} -c 'from benchmark.cli import main; {called}' {streams}"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (code, "")


def test_a_fault_of_ours_is_not_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python's own exit code for a traceback is 1, which says "not reproduced" to whoever required it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("benchmark.pipeline.run", fail)
    assert call(["run", "--require", "reproduced"]) == 4
    err = capfd.readouterr().err
    assert err.startswith("error: internal\n  what   RuntimeError: a bug")
    assert "Traceback" not in err


def test_an_interrupt_that_a_library_turned_into_an_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while numpy is being imported arrives as an ImportError; it is no fault of the harness."""
    monkeypatch.setattr("benchmark.cli._interrupts", [])

    def importing(*_: object, **__: object) -> None:
        with pytest.raises(KeyboardInterrupt):
            cli._interrupt(signal.SIGINT, None)
        raise ImportError("numpy: importing the C extensions failed")

    monkeypatch.setattr("benchmark.pipeline.run", importing)
    assert call(["run"]) == 130
    assert capfd.readouterr().err == "\ninterrupted\n"


def test_names_of_files_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    """--verbose logs what users and devices call things; a traceback keeps its lines."""
    pairs = tmp_path / "\x1b[31mred\u202e.tsv"
    pairs.write_text("index\tsentence1\tsentence2\tgold_label\n0\ta\tb\tneutral\n")
    code = "import sys; from benchmark.cli import main; main(sys.argv[1:])"
    words = ["accuracy", "-v", "--checkpoint", "seeded", "--lengths", "24", "--length", "24", "--slice", "7"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--pairs", str(pairs)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 4, done.stderr  # seven of one pair
    assert "red?.tsv: 1 pairs" in done.stderr
    assert not set("\x1b\u202e") & set(done.stderr + done.stdout)


def test_a_stdout_that_the_caller_closed() -> None:
    """Nobody wants the report; what was done was done."""
    listing = 'from benchmark.cli import main; main(["export", "--list-recipes"])'
    command = f"{sys.executable} -c '{listing}' >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_progress_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log of an hour's evaluation says how fast it goes and when it will end: now and then, no bar."""
    times = iter([100.0, 110.0, 130.5, 131.0, 161.0])
    monkeypatch.setattr("benchmark.console.time", SimpleNamespace(monotonic=lambda: next(times)))
    console = Console()
    console.on_step("Evaluating.")
    for done in (10, 61, 62, 100):
        console.on_progress(done, 9815, "pairs")
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "Evaluating.",
        "  61 of 9815 pairs, 2.0/s, about 1:21:17 left",
        "  100 of 9815 pairs, 1.6/s, about 1:38:46 left",
    ]


def test_the_time_that_is_left_goes_by_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The longest pairs come first: by their number alone the end would seem twice as far as it is."""
    times = iter([100.0, 160.0])
    monkeypatch.setattr("benchmark.console.time", SimpleNamespace(monotonic=lambda: next(times)))
    console = Console()
    console.on_step("Evaluating.")
    console.on_hit("A worker ended.")
    console.on_progress(100, 1000, "pairs", 0.25)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "A worker ended.",
        "  100 of 1000 pairs, 1.7/s, about 0:03:00 left",
    ]
