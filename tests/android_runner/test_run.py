"""One launch through the interface of a device: where it may lie, and when it may not start."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.busy import check_idle
from android_runner.link import HostLink
from android_runner.run import Order, launch, send, set_up
from android_runner.virtual.phone import VirtualPhone
from results.errors import DeviceNotReady
from tests.android_runner.program import arguments, host, tiny
from tests.android_runner.tiny_model import some_sequences

LONG = {"warmup_seconds": 60}


@contextmanager
def _another_run(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A device program that measures on this machine for longer than any test."""
    path = tmp_path / "rows.seq"
    some_sequences().write(path)
    words = ["./runner", "--runtime", "./libLiteRt.so", *arguments(tiny(), path, tmp_path / "out", **LONG)]
    with subprocess.Popen(words, cwd=host().folder, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def test_folder_with_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the host the work folder is below the user's cache, whose name is anyone's choice."""
    # Whatever else measures on this machine now is no concern of this test's.
    monkeypatch.setattr("android_runner.run.check_idle", lambda link: None)
    folder = tmp_path / "it's my cache"
    rows = some_sequences()
    rows.write(tmp_path / "rows.seq")
    place = set_up(HostLink(), str(folder), host())
    model_sha256 = hashlib.sha256(tiny().read_bytes()).hexdigest()
    order = Order(
        model=send(place, tiny(), "model.tflite", sha256=model_sha256),
        model_sha256=model_sha256,
        sequences=send(
            place,
            tmp_path / "rows.seq",
            "rows.seq",
            sha256=hashlib.sha256(rows.to_bytes()).hexdigest(),
        ),
        row_ids=rows.row_ids,
        threads=1,
        cores=(),
        seed=1,
        inferences=7,
        warmup_inferences=0,
        warmup_s=0.0,
        timeout_s=60.0,
    )
    samples, _ = launch(place, order)
    assert samples.timed_count == 7
    assert not list(folder.glob("launch-*"))


def test_busy_host_is_refused(tmp_path: Path) -> None:
    """Two runs that share the cores measure each other; neither would say so."""
    with _another_run(tmp_path) as process:
        with pytest.raises(DeviceNotReady, match=r"another run is measuring .* \(busy\)") as raised:
            set_up(HostLink(), str(tmp_path / "device"), host())
        assert process.pid in map(int, raised.value.facts["pids"])  # type: ignore[call-overload]
        assert str(process.pid) in raised.value.next_step
    assert not (tmp_path / "device").exists()


def test_neither_the_question_nor_a_script_is_a_run() -> None:
    """The shell that asks has the program's name in its own words, as has one that will start it."""
    script = "sleep 60; exec ./runner --runtime ./libLiteRt.so --model m"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as shell:
        try:
            try:
                check_idle(HostLink())
            except DeviceNotReady as err:  # another test's run, elsewhere on this machine: that one is alive
                pids = list(map(int, err.facts["pids"]))  # type: ignore[call-overload]
                assert shell.pid not in pids
                assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        finally:
            subprocess.run(["kill", "--", f"-{shell.pid}"], check=True)


@pytest.mark.adbd
@pytest.mark.parametrize("shell_v2", [True, False])
def test_busy_phone_is_refused(phone: VirtualPhone, adb: AdbTcpLink, shell_v2: bool) -> None:
    """What an earlier run left behind on a phone goes on for minutes after the link is gone."""
    # Only the arguments matter: a shell under the program's name, with the program's arguments.
    (phone.data / "local/tmp/runner").write_text("while true; do sleep 60; done\n", encoding="utf-8")
    words = "./runner --runtime ./libLiteRt.so --model m"
    pid = adb.run(f"cd /data/local/tmp; sh {words} >/dev/null 2>&1 & echo $!", timeout_s=5).text.strip()
    adb.shell_v2 = shell_v2
    with pytest.raises(DeviceNotReady, match=r"another run is measuring .* \(busy\)") as raised:
        check_idle(adb)
    assert pid in raised.value.facts["pids"]  # type: ignore[operator]
    adb.run(f"kill -KILL {pid}; while kill -0 {pid} 2>/dev/null; do :; done", timeout_s=5)
    check_idle(adb)
