"""doctor's checks of a connected device: each asks it one thing, and knows what to do about the answer."""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
import secrets
import shlex
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from android_runner import doctor_state
from android_runner.ask import CPUS
from android_runner.boot import boot
from android_runner.bundle import device_bundle, host_bundle
from android_runner.busy import check_idle
from android_runner.doctor_finding import NO_SUCH_COMMAND, Finding, Patient, failed, passed, skipped, warned
from android_runner.lease import Lease
from android_runner.probe import device_folder
from android_runner.run import set_up
from results.errors import HarnessError

_TIMEOUT_S = 30.0
# The bundle takes some 30 MB, an 8-bit model of MobileBERT the rest.
_NEEDED_BYTES = 60_000_000
_UPDATE = "Measure on a phone with Android 8.0 or later, which has it."


def _shell(patient: Patient) -> Finding:
    done = patient.run("echo out; echo err >&2; exit 3")
    if done.exit_code != 3 or done.text != ("out\n" if done.stderr else "out\nerr\n"):
        return failed(
            f"a command that ends with 3 came back with {done.exit_code}",
            "Restart the phone's debugging: adb reconnect",
        )
    if not done.stderr:
        return warned(
            "commands' messages come mixed with their output, as before Android 7",
            "Measure on a phone with Android 7 or later, if there is one.",
        )
    return passed("exit codes and separate streams")


def _booted(patient: Patient) -> Finding:
    if patient.is_host:
        return skipped("not for this machine")
    if boot(patient.link).completed:
        return passed("completely")
    return failed("it is still starting", "Wait until its home screen is there, then run again.")


def _other_runs(patient: Patient) -> Finding:
    check_idle(patient.link)
    Lease(patient.link, device_folder(patient.link)).check()
    return passed("nobody else measures there")


def _abi(patient: Patient) -> Finding:
    device = patient.device
    what = f"{device.model or 'unnamed'}, {device.abi}, {len(device.cores)} cores"
    if device.contradictions:
        return warned(
            f"{what}; {'; '.join(device.contradictions)}",
            "Measure on a device that says what it is; here every claim ends not_comparable.",
        )
    return passed(what)


def _bundle(patient: Patient) -> Finding:
    patient.bundle = host_bundle() if patient.is_host else device_bundle(patient.device.abi)
    program = patient.bundle.program
    return passed(f"for {program.abi}, with {program.runtime} {program.runtime_version}")


def _seccomp(patient: Patient) -> Finding:
    if patient.is_host:
        return skipped("not for this machine")
    said = patient.run("grep Seccomp: /proc/self/status").text.partition(":")[2].strip()
    if said == "0":
        return passed("no filter on the shell's programs")
    if not said:
        return warned(
            "the kernel does not say whether it filters", "Go on: the program's start will show it."
        )
    return failed(
        f"the kernel filters the system calls of the shell's programs (Seccomp: {said})",
        "Measure on a device without such a filter: it may end the device program.",
    )


def _processor_files(patient: Patient) -> Finding:
    files = ("/proc/cpuinfo", f"{CPUS}/possible", f"{CPUS}/present")
    missing = [name for name in files if not patient.run(f"cat {name}").text.strip()]
    if missing:
        return failed(
            f"{' and '.join(missing)} cannot be read, without which the runtime fails or crashes",
            "Measure on a device whose shell may read them, as on every stock Android.",
        )
    return passed("readable")


def _free_space(patient: Patient) -> Finding:
    free_bytes = patient.device.free_bytes
    folder = device_folder(patient.link)
    if free_bytes is None:
        return warned(f"df does not say how much is free for {folder}", "Look there by hand: adb shell df -k")
    what = f"{free_bytes / 1e6:,.0f} MB free for {folder}, {_NEEDED_BYTES / 1e6:.0f} MB needed"
    if free_bytes < _NEEDED_BYTES:
        return failed(what, "Free space there: adb shell df shows what is left.")
    return passed(what)


def _sha256sum(patient: Patient) -> Finding:
    text = secrets.token_hex(8)
    done = patient.run(f"echo {text} | sha256sum")
    if done.exit_code == NO_SUCH_COMMAND:
        return failed("there is no sha256sum, without which no file that is sent can be checked", _UPDATE)
    if done.text.split()[:1] != [hashlib.sha256(f"{text}\n".encode()).hexdigest()]:
        return failed("its sha256sum gives another figure than this machine's", _UPDATE)
    return passed("there, and right")


def _run_rights(patient: Patient) -> Finding:
    folder = device_folder(patient.link)
    remote = posixpath.join(folder, f"doctor-{secrets.token_hex(4)}")
    quoted = shlex.quote(remote)
    shell = "/bin/sh" if patient.is_host else "/system/bin/sh"
    with TemporaryDirectory(prefix="doctor-") as scratch:
        script = Path(scratch) / "script"
        script.write_text(f"#!{shell}\necho started\n", encoding="ascii")
        patient.link.push(script, remote, mode=0o755, timeout_s=_TIMEOUT_S)
    try:
        done = patient.run(f"chmod 755 {quoted} && {quoted}")
    finally:
        with contextlib.suppress(HarnessError):
            patient.run(f"rm -f {quoted}")
    if done.text != "started\n":
        reason = (
            (done.error_text.strip() or f"exit code {done.exit_code}").splitlines()[-1].rpartition(": ")[2]
        )
        return failed(
            f"a program in {folder} does not start: {reason}",
            "Measure on a device that lets programs start there: its mount must not be noexec.",
        )
    return passed(f"programs in {folder} start")


def _start(patient: Patient) -> Finding:
    if patient.bundle is None:
        return skipped("there is no bundle for it")
    place = set_up(patient.link, device_folder(patient.link), patient.bundle)
    done = patient.run(f"cd {shlex.quote(place.bundle_folder)} && {patient.bundle.command(['--version'])}")
    version = done.text.strip()
    if done.exit_code != 0 or not version.startswith("mobilebert_runner "):
        reason = (done.error_text.strip() or f"exit code {done.exit_code}").splitlines()[-1]
        return failed(
            f"it does not start: {reason}",
            "Report this with the device's model and Android version; another device may run it.",
        )
    return passed(f"{version}, {patient.bundle.program.runtime} {patient.bundle.program.runtime_version}")


CHECKS: tuple[tuple[str, Callable[[Patient], Finding]], ...] = (
    ("shell", _shell),
    ("boot", _booted),
    ("other runs", _other_runs),
    ("processor", _abi),
    ("bundle", _bundle),
    ("seccomp", _seccomp),
    ("processor files", _processor_files),
    ("free space", _free_space),
    ("sha256sum", _sha256sum),
    ("run rights", _run_rights),
    ("thermal service", doctor_state.thermal),
    ("battery", doctor_state.battery),
    ("battery saver", doctor_state.battery_saver),
    ("cpuset", doctor_state.cpuset),
    ("clocks", doctor_state.clocks),
    ("device program", _start),
)
