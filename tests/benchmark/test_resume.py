"""A run that was stopped goes on where it was: nothing is lost, and nothing is counted twice."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import pixel4
from benchmark.cli import call
from results.recompute import conclude
from results.store import RunStore
from tests.benchmark.small import EXAMPLE, QUICK

pytestmark = pytest.mark.adbd

RUN = Path("runs/0001")


@pytest.fixture
def phone() -> Iterator[VirtualPhone]:
    with VirtualPhone() as one:
        yield one


def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RUN / "record.json").read_text())
    return found


@pytest.fixture
def stopped(
    run: Callable[..., int], phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Start a run that is interrupted (Ctrl-C) once so many launches were saved."""

    def start(launches: int, *options: str) -> None:
        from benchmark.journal import Journal

        add = Journal.add

        def add_and_stop(self: Journal, step: str, **changes: Any) -> None:  # noqa: ANN401
            add(self, step, **changes)
            if step == "launches" and len(self.record.launches) == launches:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "add", add_and_stop)
            assert run(phone.selector, *options) == 130
        assert len(record()["launches"]) == launches

    return start


def test_goes_on_where_it_was(
    stopped: Callable[..., None], phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was measured stays, byte for byte; the rest is measured; the verdict is that of one run."""
    stopped(2, "--recipe", "dynamic_int8,float32")
    kept = {path: path.read_bytes() for path in RUN.glob("launch-*.samples")}
    assert call(["resume", str(RUN)]) == 0
    done = record()
    assert len(done["launches"]) == 10
    assert [one["order"] for one in done["launches"]] == list(range(10))
    for recipe in ("dynamic_int8", "float32"):
        assert [one["index"] for one in done["launches"] if one["recipe"] == recipe] == list(range(5))
    assert [one["error"] for one in done["interruptions"]] == ["stopped"]
    assert [one["recipe"] for one in done["accuracies"]] == ["dynamic_int8", "float32"]
    assert kept == {path: path.read_bytes() for path in kept}
    verdict = (RUN / "verdict.json").read_bytes()
    conclude(RunStore.open(RUN))
    assert (RUN / "verdict.json").read_bytes() == verdict
    assert "stopped" in capfd.readouterr().out


def test_from_another_folder_and_to_another_address(
    stopped: Callable[..., None],
    phone: VirtualPhone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call was kept with whole paths; the phone may have got another address meanwhile."""
    from tests.android_runner.relay import Relay

    stopped(1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Relay((phone.host, phone.port)) as relay:
        assert call(["resume", "../runs/0001", "--device", relay.selector]) == 0
    monkeypatch.chdir(tmp_path)
    assert len(record()["launches"]) == 5


def test_pairs_of_the_folder_it_was_called_in(
    stopped: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs that were found in data/ beside the call are found there again, from wherever it is resumed."""
    (tmp_path / "data").mkdir()
    lines = (EXAMPLE / "pairs.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "data/dev_matched.tsv").write_text("".join(lines[:41]), encoding="utf-8")
    stopped(1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert call(["resume", "../runs/0001"]) == 0
    assert Path.cwd() == tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    assert record()["pairs"]["origin"] == "folder data/"
    assert record()["pairs"]["rows_used"] == 40


def test_a_refused_resume_changes_nothing(
    stopped: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """The wrong phone is attached: said, and the record is as it was, with how long the run stood still."""
    stopped(1)
    before = json.loads((RUN / "record.json").read_text())
    with VirtualPhone(pixel4().with_properties(ro__serialno="ANOTHER")) as other:
        assert call(["resume", str(RUN), "--device", other.selector]) == 4
    assert json.loads((RUN / "record.json").read_text()) == before
    assert "launches" in capfd.readouterr().err


def test_an_ended_run_is_left_alone(
    run: Callable[..., int], phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """A finished run cannot be made longer by mistake."""
    assert run(phone.selector) == 0
    before = {path: path.read_bytes() for path in RUN.iterdir()}
    assert call(["resume", str(RUN)]) == 4
    assert "error: not-resumable" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in RUN.iterdir()} == before


def test_what_is_no_run_is_said_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A mistyped folder."""
    assert call(["resume", str(tmp_path / "runs/0009")]) == 4
    err = capfd.readouterr().err
    assert "Traceback" not in err
    assert "runs/0009" in err


def test_two_who_resume(
    stopped: Callable[..., None], phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """One run is written by one process: the second is told, before it touches anything."""
    import fcntl

    stopped(1)
    handle = os.open(RUN, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    before = (RUN / "record.json").read_bytes()
    assert call(["resume", str(RUN)]) == 4
    assert "another process" in capfd.readouterr().err
    assert (RUN / "record.json").read_bytes() == before
    os.close(handle)


def test_another_phone_is_refused(stopped: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> None:
    """Launches of two phones are no sample of either."""
    stopped(1)
    with VirtualPhone(pixel4().with_properties(ro__serialno="ANOTHER")) as other:
        assert call(["resume", str(RUN), "--device", other.selector]) == 4
    err = capfd.readouterr().err
    assert "error: not-resumable" in err
    assert "ANOTHER" not in err
    assert len(record()["launches"]) == 1


def test_changed_weights_are_refused(
    stopped: Callable[..., None], small_checkpoint: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The checkpoint was replaced while the run stood still."""
    stopped(1)
    weights = small_checkpoint / "model.safetensors"
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-4] + b"\0\0\0\0")
        assert call(["resume", str(RUN)]) == 4
    finally:
        weights.write_bytes(content)
    assert "error: not-resumable" in capfd.readouterr().err


@pytest.mark.parametrize("spoilt", [None, b"", b"{", b'{"form": 2}', b"[]", b'{"form": 1, "job": "run"}'])
def test_a_spoilt_call(
    stopped: Callable[..., None], spoilt: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    """call.json is gone or damaged: one error, and what was measured can still be judged."""
    stopped(1)
    path = RUN / "call.json"
    path.unlink() if spoilt is None else path.write_bytes(spoilt)
    assert call(["resume", str(RUN)]) == 4
    err = capfd.readouterr().err
    assert "error: not-resumable" in err
    assert "--recompute" in err


def _child(argv: list[str], folder: str, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 1)
        log = os.open("stderr.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
    os._exit(call(argv))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_twenty_moments(
    run: Callable[..., int], phone: VirtualPhone, small_checkpoint: Path, tmp_path: Path, cache: Path
) -> None:
    """The host is killed (SIGKILL) again and again, and resumed: all launches are there, once each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmark.steps", "benchmark.on_device", "tests.benchmark.test_resume"])
    environment = {
        "MOBILEBERT_BENCH_CACHE": str(cache),
        "ANDROID_USER_HOME": str(tmp_path / "android"),
        "HF_HUB_OFFLINE": "1",
    }
    first = ["run", "--device", phone.selector, "--checkpoint", str(small_checkpoint), *QUICK]
    chance = random.Random(4)

    def attempt(growth: int | None, more_s: float) -> int | None:
        """Kill it so many launches and then so many seconds later; None: let it end."""
        argv = ["resume", "runs/0001"] if (RUN / "record.json").exists() else [*first, "--launches", "60"]
        child = context.Process(target=_child, args=(argv, str(tmp_path), environment))
        goal = None if growth is None else len(list(RUN.glob("launch-*.samples"))) + growth
        child.start()
        while child.is_alive() and (goal is None or len(list(RUN.glob("launch-*.samples"))) < goal):
            child.join(0.01)
        if growth is not None:
            child.join(more_s)
        if child.exitcode is None:
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            child.join()
            return None
        return child.exitcode

    progress = []
    for _ in range(20):
        # In the start of a run as well as among its launches.
        growth = chance.choice([0, 0, 1, 2, 3])
        ended = attempt(growth, chance.uniform(0.0, 0.6 if growth else 4.0))
        assert ended is None, (tmp_path / "stderr.log").read_text()[-2000:]
        if (RUN / "record.json").exists():
            progress.append(len(RunStore.open(RUN).load().launches))
    assert attempt(None, 0) == 0, (tmp_path / "stderr.log").read_text()[-2000:]
    store = RunStore.open(RUN)
    done = store.load()
    assert [one.order for one in done.launches] == list(range(60))
    assert [one.index for one in done.launches] == list(range(60))
    assert len(store.load_samples(done)) == 60
    assert len(list(RUN.glob("launch-*.samples"))) == 60
    assert len({*progress}) > 3  # kills fell among launches, and each resumed run got further
    left = [
        path.name
        for path in (phone.data / "local/tmp").rglob("*")
        if path.suffix in (".part", ".seq", ".samples")
    ]
    assert left == []
