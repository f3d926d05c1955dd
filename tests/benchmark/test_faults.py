"""A run meets what phones do, over a real adbd, and ends with every launch that was asked for.

docs/reliability.md lists the faults; each row there names a test.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from android_runner.clocks import clock_ticks
from android_runner.settle import settle
from android_runner.virtual.dumpsys import battery
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import pixel4
from results.steady import classify
from tests.android_runner.relay import Relay
from tests.benchmark.small import QUICK

pytestmark = pytest.mark.adbd

RECORD = Path("runs/0001/record.json")


@pytest.fixture
def phone() -> Iterator[VirtualPhone]:
    with VirtualPhone() as one:
        yield one


@pytest.fixture
def relay(phone: VirtualPhone) -> Iterator[Relay]:
    with Relay((phone.host, phone.port)) as one:
        yield one


@pytest.fixture
def when() -> Iterator[Callable[[Callable[[dict[str, Any]], bool], Callable[[], None]], None]]:
    """Do something to the device once the run's record says so."""
    threads: list[threading.Thread] = []
    over = threading.Event()
    errors: list[BaseException] = []

    def watch(ready: Callable[[dict[str, Any]], bool], act: Callable[[], None], folder: Path) -> None:
        try:
            while not over.is_set():
                if (folder / RECORD).is_file() and ready(json.loads((folder / RECORD).read_text())):
                    act()
                    over.wait()  # a sandbox ends with the thread that started it
                    return
                time.sleep(0.005)
        except BaseException as err:
            errors.append(err)
            raise

    def start(ready: Callable[[dict[str, Any]], bool], act: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=watch, args=(ready, act, Path.cwd())))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []


def at_once(_: dict[str, Any]) -> bool:
    return True


def launched(count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda record: len(record["launches"]) >= count


def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORD.read_text())
    return found


def whole(launches: int = 5) -> dict[str, Any]:
    """The record of a run that ended, with each launch once and nothing left half done."""
    done = record()
    assert done["ended_at"]
    assert [one["index"] for one in done["launches"]] == list(range(launches))
    assert [one["order"] for one in done["launches"]] == list(range(launches))
    assert all(one["invalid"] == [] for one in done["launches"])
    assert list(Path("runs/0001").glob("*.part")) == []
    return done


def errors(done: dict[str, Any]) -> list[str]:
    return [one["error"] for one in done["interruptions"]]


def reboot(phone: VirtualPhone, *, off_s: float = 0) -> None:
    phone.power_cut()
    time.sleep(off_s)
    phone.start()


def descendants(pid: int) -> Iterator[int]:
    """The processes that one started, those that they started, and so on."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def test_reboot_in_a_run(run: Callable[..., int], phone: VirtualPhone, when: Any) -> None:  # noqa: ANN401
    """A phone that restarts costs the launch that was running, not the night."""
    when(launched(2), lambda: reboot(phone, off_s=0.5))
    assert run(phone.selector) == 0
    done = whole()
    assert errors(done) == ["device-lost"]
    assert done["interruptions"][0]["rebooted"] is True
    assert done["interruptions"][0]["waited_s"] > 0.4


def test_two_reboots_in_one_run(run: Callable[..., int], phone: VirtualPhone, when: Any) -> None:  # noqa: ANN401
    """What survived once survives again: the connection, the lease and the files are made anew each time."""
    when(launched(1), lambda: reboot(phone))
    when(launched(3), lambda: reboot(phone))
    assert run(phone.selector) == 0
    assert errors(whole()) == ["device-lost"] * 2


def test_files_gone_after_a_reboot(run: Callable[..., int], when: Any) -> None:  # noqa: ANN401
    """A work folder that a reboot empties is filled again: program, model and rows."""
    with VirtualPhone(tmpfs={"/data/local/tmp": 200 << 20}) as phone:
        when(launched(2), lambda: reboot(phone))
        assert run(phone.selector) == 0
    assert errors(whole()) == ["device-lost"]


def test_dropped_and_back(run: Callable[..., int], relay: Relay, when: Any) -> None:  # noqa: ANN401
    """A cable that is pulled and plugged in again: waited for, and nobody has to do anything."""

    def pull() -> None:
        relay.unplug()
        time.sleep(1)
        relay.plug_in()

    when(launched(2), pull)
    assert run(relay.selector) == 0
    done = whole()
    assert errors(done) == ["device-lost"]
    assert done["interruptions"][0]["rebooted"] is False


def test_a_frozen_link(
    run: Callable[..., int],
    relay: Relay,
    when: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link on which nothing comes any more and nobody says so: a deadline notices."""
    monkeypatch.setattr("benchmark.measure._START_TIMEOUT_S", 1.0)
    monkeypatch.setattr("benchmark.measure._SLOWDOWN", 3)

    def freeze() -> None:
        relay.freeze()
        time.sleep(4)
        relay.cut()
        relay.freeze(frozen=False)

    when(launched(2), freeze)
    assert run(relay.selector) == 0
    done = whole()
    assert set(errors(done)) <= {"run-timed-out", "device-lost"}
    assert errors(done)


def test_a_phone_that_stays_away(
    run: Callable[..., int],
    phone: VirtualPhone,
    when: Any,  # noqa: ANN401
    capfd: pytest.CaptureFixture[str],
) -> None:
    """After the one wait that was allowed: one error, what was kept, and the command that goes on."""
    when(launched(2), phone.power_cut)
    assert run(phone.selector, "--wait-for-device", "1") == 4
    err = capfd.readouterr().err
    assert "error: device-lost" in err
    assert "mobilebert-bench resume runs/0001" in err
    assert errors(record()) == ["device-lost"]
    assert len(record()["launches"]) == 2
    assert record()["ended_at"] is None


@pytest.mark.parametrize("count", [40_000, 100_000, 6_000_000])
def test_lost_in_a_push(run: Callable[..., int], relay: Relay, count: int) -> None:
    """The link goes while the program or the model is sent: sent again, and never executed half."""
    relay.cut_after(count, "up")
    assert run(relay.selector) == 0
    assert set(errors(whole())) <= {"device-lost"}
    assert relay.cuts >= 1


@pytest.mark.parametrize("count", [30, 1_000, 2_500])
def test_lost_in_a_pull(
    run: Callable[..., int],
    relay: Relay,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The samples come back cut at any point: the launch is repeated, and no half of it is used."""
    from android_runner import run as device_run

    collect, cut = device_run._collect, []

    def cut_once(place: device_run.Workplace, out: str) -> bytes:
        if not cut:
            cut.append(out)
            relay.cut_after(count, "down")
        return collect(place, out)

    monkeypatch.setattr(device_run, "_collect", cut_once)
    assert run(relay.selector) == 0
    assert errors(whole()) == ["device-lost"]


def test_daemon_dies_in_a_push(
    run: Callable[..., int],
    phone: VirtualPhone,
    when: Any,  # noqa: ANN401
) -> None:
    """adbd is killed while a file is coming: what it leaves under a name of its own is never used."""
    target = phone.data / "local/tmp/mobilebert-bench"
    caught: list[str] = []

    def kill() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and not caught:
            caught.extend(part.name for part in target.glob("**/*.part") if part.stat().st_size > 0)
        reboot(phone)

    when(at_once, kill)
    assert run(phone.selector) == 0
    assert caught
    assert errors(whole()) == ["device-lost"]


def test_program_killed_by_the_system(run: Callable[..., int], phone: VirtualPhone, when: Any) -> None:  # noqa: ANN401
    """Android's low-memory killer takes it once: that launch is done again, and the record says so."""

    def kill() -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for pid in descendants(phone._first_pid):
                with contextlib.suppress(OSError):
                    if b"libLiteRt" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
                        return

    when(launched(1), kill)
    assert run(phone.selector) == 0
    assert errors(whole()) == ["run-failed"]


def test_unreadable_sysfs(run: Callable[..., int]) -> None:
    """Clocks and capacities that may not be read: unknown, not zero, and the run goes on."""
    hidden = tuple(
        name for name in pixel4().sys_files if name.endswith(("capacity", "freq", "time_in_state"))
    )
    assert len(hidden) > 6
    bare = dataclasses.replace(pixel4(), unreadable=hidden)
    with VirtualPhone(bare) as phone:
        assert run(phone.selector) == 0
    done = whole()
    assert all(core["capacity"] is None for core in done["device"]["cores"])
    assert done["launches"][0]["before"]["max_khz_by_core"] == {}


def test_no_dumpsys(run: Callable[..., int]) -> None:
    """A system without these services: no thermal evidence, which the verdict says, and no made-up figure."""
    with VirtualPhone(without=("dumpsys",)) as phone:
        assert run(phone.selector) == 0
    state = whole()["launches"][0]["before"]
    assert (state["thermal_status"], state["battery_percent"]) == (None, None)
    assert "thermal status unavailable" in Path("runs/0001/report.txt").read_text()


def test_unfit_in_the_middle(
    run: Callable[..., int],
    phone: VirtualPhone,
    when: Any,  # noqa: ANN401
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The battery runs down while it measures: no launch below the floor, and the command that goes on."""
    when(launched(2), lambda: phone.set_dumpsys("battery", battery(level=20, temperature=271)))
    assert run(phone.selector, "--launches", "30") == 4
    err = capfd.readouterr().err
    assert "error: device-unfit" in err
    assert "20 %" in err
    assert "Then: mobilebert-bench resume runs/0001" in err
    assert 2 <= len(record()["launches"]) < 30


def test_a_throttled_launch_is_done_again(
    run: Callable[..., int], phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launch in which the phone got too warm, or that slowed down, is kept, marked, and done again."""
    asked: list[int] = []
    flat, slowed = (classify(np.repeat([60_000_000, 64_000_000], [80, after])) for after in (0, 100))
    paces = iter([*[flat] * 5, slowed, flat])

    def ticks(link: Any) -> Any:  # noqa: ANN401
        asked.append(1)
        if len(asked) == 5:  # as the third launch begins
            phone.set_thermal(status=2, skin_c=44.0)
        return clock_ticks(link)

    def sleep(_: float) -> None:
        phone.set_thermal(status=0, skin_c=28.4)

    monkeypatch.setattr("benchmark.measure.clock_ticks", ticks)
    monkeypatch.setattr("benchmark.measure.settle", functools.partial(settle, sleep=sleep))
    monkeypatch.setattr("benchmark.measure.classify_launch", lambda _: next(paces))
    assert run(phone.selector) == 0
    launches = record()["launches"]
    slots = [(one["index"], one["attempt"]) for one in launches]
    assert slots == [(0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (4, 0), (4, 1)]
    assert [bool(one["invalid"]) for one in launches] == [False, False, True, False, False, True, False]
    assert "thermal status 2 after the launch" in launches[2]["invalid"]
    assert launches[5]["invalid"] == ["slowdown: 6.7 % slower from timed inference 81 on"]
    assert [one["steady"] for one in launches] == [*["flat"] * 5, "slowdown", "flat"]
    report = " ".join(Path("runs/0001/report.txt").read_text().split())
    assert "2 invalid launches were repeated" in report
    assert "Latency by real tokens" in report


def test_noexec_target(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """A work folder in which no program may be started: said as that, not as a broken program."""
    with VirtualPhone(noexec=("/data/local/tmp",)) as phone:
        assert run(phone.selector) == 4
    err = capfd.readouterr().err
    assert "error: run-failed" in err
    assert "may not be run" in err


def test_wall_clock_jumps(
    run: Callable[..., int], phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's clock is set back and forth while it measures: nothing that is measured comes from it."""
    real, jumps = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + (-1) ** next(jumps) * 1e6)
    moments = iter(f"20{year:02d}-01-01T00:00:00.000Z" for year in [30, 20] * 10_000)
    monkeypatch.setattr("benchmark.journal.now", lambda: next(moments))
    monkeypatch.setattr("benchmark.measure.now", lambda: next(moments))
    assert run(phone.selector) == 0
    done = whole()
    assert len({one["started_at"] for one in done["launches"]}) > 1


def test_two_harnesses_at_once(
    run: Callable[..., int],
    phone: VirtualPhone,
    when: Any,  # noqa: ANN401
    capfd: pytest.CaptureFixture[str],
    small_checkpoint: Path,
    tmp_path: Path,
) -> None:
    """The second one is told who is measuring, within seconds, and disturbs nothing."""
    second: list[subprocess.CompletedProcess[str]] = []

    def start() -> None:
        argv = ["run", "--device", phone.selector, "--checkpoint", str(small_checkpoint), *QUICK]
        code = f"from benchmark.cli import main; main({argv!r})"
        second.append(
            subprocess.run(
                [sys.executable, "-c", code],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                capture_output=True,
                text=True,
                check=False,
            )
        )

    when(launched(1), start)
    assert run(phone.selector, "--launches", "30") == 0
    assert second
    assert second[0].returncode == 4, second[0].stderr
    assert "error: device-busy" in second[0].stderr
    assert f"process {os.getpid()} of this machine" in second[0].stderr
    whole(30)
