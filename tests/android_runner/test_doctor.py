"""doctor: every check passes on a good phone, and says what to do on one that is spoilt in its way."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from android_runner import doctor
from android_runner.adb import AdbTcpLink
from android_runner.doctor import Check, examine
from android_runner.doctor_checks import CHECKS
from android_runner.doctor_finding import Finding, Patient, passed
from android_runner.lease import Lease
from android_runner.link import HostLink
from android_runner.probe import device_folder
from android_runner.server_list import Listed
from android_runner.virtual.dumpsys import battery
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import Profile, emulator, lying, pixel4, pixel8
from android_runner.virtual.server import AdbServer
from benchmark.cli import call
from benchmark.console import Console
from results.errors import ConfigError, DeviceBusy, DeviceLost, SeveralDevices, UsbDenied

adbd = pytest.mark.adbd
CPUS = "devices/system/cpu"


def _look(name: str, phone: VirtualPhone, *before: str) -> Finding:
    """One check of a phone on which some commands ran before."""
    with contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
        for command in before:
            assert link.run(command, timeout_s=10).exit_code == 0
        return doctor._look(dict(CHECKS)[name], Patient(link=link))


def _by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@adbd
@pytest.mark.parametrize("profile", [pixel8(), emulator()], ids=["pixel8", "emulator"])
def test_nothing_to_do_on_a_good_phone(virtual_root: Path, profile: Profile) -> None:
    """A false alarm costs more trust than a missed one; an emulator lacks clocks and nothing else."""
    with VirtualPhone(profile) as phone:
        checks = _by_name(examine(phone.selector, 1, environment={"HOME": "/nonexistent"}))
    clocks = checks.pop("clocks")
    assert clocks.status == ("pass" if profile.sys_links else "warn")
    assert checks.pop("USB permission").status == "skipped"
    # Its keys could not be made, and this phone asks for none.
    if checks["keys"].status == "fail":
        assert "ANDROID_USER_HOME" in str(checks["keys"].next_step)
    del checks["keys"]
    assert {check.status for check in checks.values()} == {"pass"}, checks
    assert "mobilebert_runner" in checks["device program"].found


_SPOILT: dict[str, tuple[Callable[[], VirtualPhone], str, str, str, str]] = {
    "starting": (
        lambda: VirtualPhone(pixel4().with_properties(sys__boot_completed="0")),
        "boot",
        "fail",
        "still starting",
        "Wait",
    ),
    "contradiction": (lambda: VirtualPhone(lying()), "processor", "warn", "the kernel says x86_64", "says"),
    "filter": (lambda: VirtualPhone(call_filter=True), "seccomp", "fail", "Seccomp: 2", "without such"),
    "no cpuinfo": (
        lambda: VirtualPhone(replace(pixel4(), unreadable=(f"{CPUS}/possible",))),
        "processor files",
        "fail",
        "/sys/devices/system/cpu/possible cannot be read",
        "stock Android",
    ),
    "small disk": (
        lambda: VirtualPhone(tmpfs={"/data/local/tmp": 8 << 20}),
        "free space",
        "fail",
        "8 MB free",
        "adb shell df",
    ),
    "no hash": (
        lambda: VirtualPhone(without=("sha256sum",)),
        "sha256sum",
        "fail",
        "no sha256sum",
        "Android 8.0",
    ),
    "read-only": (
        lambda: VirtualPhone(read_only=("/data/local/tmp",)),
        "run rights",
        "fail",
        "Read-only file system",
        "writable",
    ),
    "noexec": (
        lambda: VirtualPhone(noexec=("/data/local/tmp",)),
        "run rights",
        "fail",
        "Permission denied",
        "noexec",
    ),
    "no dumpsys": (
        lambda: VirtualPhone(without=("dumpsys",)),
        "thermal service",
        "fail",
        "no dumpsys",
        "Android device",
    ),
    "no battery": (lambda: VirtualPhone(without=("dumpsys",)), "battery", "fail", "no dumpsys", "Android"),
    "no settings": (
        lambda: VirtualPhone(without=("settings",)),
        "battery saver",
        "warn",
        "does not say",
        "Settings, Battery",
    ),
    "Android 9": (
        lambda: VirtualPhone(replace(pixel4(), sensors=None)),
        "thermal service",
        "warn",
        "no thermal service",
        "Android 10",
    ),
    "few cores": (
        lambda: VirtualPhone(pixel4(cores=range(max(os.sched_getaffinity(0)) + 2))),
        "cpuset",
        "warn",
        "may not use cores",
        "input keyevent",
    ),
    "silent clocks": (
        lambda: VirtualPhone(pixel8(cores=range(9))),
        "clocks",
        "warn",
        "cores 0, 1, 2, 3 cannot",
        "thermal service",
    ),
}


@adbd
@pytest.mark.parametrize("case", _SPOILT.values(), ids=_SPOILT)
def test_spoilt_phone(
    virtual_root: Path, case: tuple[Callable[[], VirtualPhone], str, str, str, str]
) -> None:
    """Whoever stands before such a phone needs the reason and a way out, not a run that fails later."""
    make, name, status, found, advice = case
    with make() as phone:
        finding = _look(name, phone)
    assert finding.status == status
    assert found in finding.found
    assert advice in str(finding.next_step)


@adbd
@pytest.mark.parametrize(
    ("command", "name", "found", "advice"),
    [
        ("cmd thermalservice override-status 2", "thermal service", "by hand", "cmd thermalservice reset"),
        ("dumpsys battery unplug", "battery", "by hand", "dumpsys battery reset"),
        ("settings put global low_power 1", "battery saver", "clocks", "settings put global low_power 0"),
        (
            "cat /dev/zero >/data/local/tmp/fill 2>/dev/null; true",
            "run rights",
            "No space left",
            "Free space",
        ),
    ],
    ids=["status", "battery", "saver", "full disk"],
)
def test_state_that_somebody_left_behind(
    virtual_root: Path, command: str, name: str, found: str, advice: str
) -> None:
    """The words that undo it belong into the message; nobody knows them by heart."""
    with VirtualPhone(tmpfs={"/data/local/tmp": 4 << 20}) as phone:
        finding = _look(name, phone, command)
    assert finding.status == "fail"
    assert found in finding.found
    assert advice in str(finding.next_step)


@adbd
def test_warm_or_empty_phone(phone: VirtualPhone) -> None:
    """An empty battery stops a run; a warm phone only lets it wait."""
    phone.set_thermal(status=1, skin_c=40.0)
    assert _look("thermal service", phone).status == "warn"
    phone.set_dumpsys("battery", battery(level=20, temperature=250))
    finding = _look("battery", phone)
    assert (finding.status, finding.found[:4]) == ("fail", "20 %")
    assert "25 %" in str(finding.next_step)


@adbd
def test_another_harness_is_seen(phone: VirtualPhone) -> None:
    """Two that measure at once measure each other, also between their launches."""
    with contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
        Lease(link, device_folder(link)).take(for_s=60)
    held = phone.data.parent / "data/local/tmp/mobilebert-bench/lease"
    ours = held.read_text(encoding="ascii")
    held.write_text(re.sub("token=[0-9a-f]+", "token=0123456789abcdef", ours), encoding="ascii")
    assert _look("other runs", phone).status == "fail"
    held.unlink()
    assert _look("other runs", phone).status == "pass"
    assert not held.exists()


@adbd
def test_unknown_processor_leaves_the_other_checks(virtual_root: Path) -> None:
    """No program exists for it; what else is wrong there is told in the same go."""
    profile = pixel4().with_properties(ro__product__cpu__abi="riscv64")
    with VirtualPhone(profile, without=("sha256sum",), noexec=("/data/local/tmp",)) as phone:
        checks = _by_name(examine(phone.selector, 1))
    assert {name for name, check in checks.items() if check.status == "fail"} == {
        "bundle",
        "sha256sum",
        "run rights",
    }
    assert "riscv64" in checks["bundle"].found
    assert checks["device program"].status == "skipped"
    assert checks["battery"].status == "pass"


@adbd
@pytest.mark.parametrize("answered", [True, False], ids=["denied", "nobody there"])
def test_phone_that_refuses_the_key(
    virtual_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """The owner has to tap Allow; the connection itself is good, and that is said as well."""
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path))
    prompts: list[None] = []
    with VirtualPhone(keys=()) as phone, phone.dialog() as dialog:
        owner = threading.Thread(
            target=lambda: (dialog.wait_for_key(timeout_s=10), dialog.answer(allow=False))
        )
        if answered:
            owner.start()
        checks = _by_name(examine(phone.selector, 0.5, on_prompt=lambda: prompts.append(None)))
        if answered:
            owner.join()
    assert prompts
    assert {name: check.status for name, check in checks.items()} == {
        "device": "pass",
        "USB permission": "skipped",
        "keys": "pass",
        "connection": "pass",
        "authorization": "fail",
        **{name: "skipped" for name, _ in CHECKS},
    }
    assert "Allow USB debugging" in str(checks["authorization"].next_step)


@adbd
def test_through_an_adb_server(
    phone: VirtualPhone, server: AdbServer, served: Callable[[VirtualPhone], Listed]
) -> None:
    """Most developers' phones hang on one: the keys are the server's then, and the rest is the same."""
    name = served(phone).name
    checks = _by_name(examine(f"server:127.0.0.1:{server.port}/{name}", 1))
    assert checks["keys"].status == "skipped"
    assert {check.status for check in checks.values()} == {"pass", "skipped"}, checks
    assert checks["device program"].status == "pass"


@adbd
def test_damaged_key(virtual_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that asks for a key cannot be reached with a broken one; the file is named."""
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path))
    (tmp_path / "adbkey").write_text("no key", encoding="utf-8")
    with VirtualPhone(keys=()) as phone:
        checks = _by_name(examine(phone.selector, 0.3))
    assert checks["device"].status == "pass"
    assert checks["keys"].status == "fail"
    assert str(tmp_path / "adbkey") in checks["keys"].found
    assert checks["connection"].status == "skipped"


@adbd
def test_lost_phone_ends_the_questions(phone: VirtualPhone) -> None:
    """Twenty timeouts in a row would help nobody."""
    with contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
        patient = Patient(link=link)
        looks = dict(CHECKS)
        assert doctor._look(looks["shell"], patient).status == "pass"
        phone.power_cut()
        assert doctor._look(looks["boot"], patient).status == "fail"
        assert doctor._look(looks["battery"], patient) == Finding(
            status="skipped", found="the connection was lost"
        )


@pytest.mark.parametrize(
    ("error", "at", "reached"),
    [
        (UsbDenied("no rights", next_step="udev"), "USB permission", ["device"]),
        (SeveralDevices("two", next_step="choose"), "device", []),
        (DeviceBusy("a server holds it", next_step="adb kill-server"), "device", []),
        (ConfigError("no such form", next_step="give another"), "device", []),
        (DeviceLost("gone", next_step="look"), "connection", ["device", "USB permission"]),
    ],
    ids=lambda value: value.slug if isinstance(value, Exception) else None,  # type: ignore[attr-defined]
)
def test_refusal_stands_where_it_belongs(
    tmp_path: Path, error: ConfigError, at: str, reached: list[str]
) -> None:
    """What is reached before the refusal has passed, so that its owner looks at the right end."""
    way = doctor._refused(error, "usb:1-4", {"ANDROID_USER_HOME": str(tmp_path)})
    assert [name for name, finding in way.items() if finding.status == "fail"] == [at]
    assert way[at].next_step == error.next_step
    del way["keys"]  # they do not depend on the device
    assert [name for name, finding in way.items() if finding.status == "pass"] == reached


def test_nobody_at_that_address() -> None:
    """One failure, not twenty: the rest needs the connection."""
    checks = examine("tcp:127.0.0.1:1", 0.1)
    assert [check.name for check in checks if check.status == "fail"] == ["connection"]
    assert [check.name for check in checks][-1] == "device program"


def test_host_is_asked_no_android_questions() -> None:
    """This machine has no dumpsys, and lacks nothing for that."""
    patient = Patient(link=HostLink())
    found = {
        name: look(patient).status for name, look in CHECKS if name not in ("other runs", "device program")
    }
    assert "fail" not in found.values()
    assert {name for name, status in found.items() if status == "skipped"} == {
        "boot",
        "seccomp",
        "thermal service",
        "battery",
        "battery saver",
    }


def test_words_of_a_device_steer_no_terminal() -> None:
    """A model's name is whatever its maker wrote there; lines of ours stay lines."""
    (check,) = doctor._checks({"processor": passed("Pixel\x1b[31m\r4,\nx86_64")})
    assert check.found == "Pixel?[31m?4,\nx86_64"


def test_table_of_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """What failed stands out, and what to do stands below it."""
    checks = (
        Check(name="device", status="pass", found="[bold]x"),
        Check(name="battery", status="fail", found="20 %", next_step="Charge it."),
        Check(name="cpuset", status="skipped", found="not tried"),
        Check(name="clocks", status="skipped", found="no connection"),
        Check(name="program", status="skipped", found="no connection"),
    )
    assert Console().checks(checks) is False
    assert capsys.readouterr().out.splitlines() == [
        "pass  device   [bold]x",
        "FAIL  battery  20 %",
        "               -> Charge it.",
        "-     cpuset   not tried",
        "-     clocks ... program (2 checks): no connection",
        "",
        "1 of 5 checks failed.",
    ]
    assert Console().checks(checks[:1]) is True


@adbd
def test_exit_code_says_whether_it_can_measure(
    phone: VirtualPhone, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script may wait for a device with it."""
    phone.set_dumpsys("battery", battery(level=20, temperature=250))
    assert call(["doctor", "--device", phone.selector]) == 4
    assert "1 of 21 checks failed." in capsys.readouterr().out
