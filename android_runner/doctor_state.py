"""doctor's checks of a device's state: what keeps it from measuring now, and what it does not tell."""

from __future__ import annotations

from android_runner.ask import CPUS, ask
from android_runner.battery_text import parse_battery, parse_setting
from android_runner.cores import EACH_CORE, core_rows
from android_runner.device_text import absent
from android_runner.doctor_finding import NO_SUCH_COMMAND, Finding, Patient, failed, passed, skipped, warned
from android_runner.kernel_text import parse_allowed, parse_core_list, parse_cpuset
from android_runner.readiness import BATTERY_FLOOR_PERCENT
from android_runner.thermal_text import parse_thermalservice

_NOT_ANDROID = "Check that it is an Android device: adb shell dumpsys -l"


def thermal(patient: Patient) -> Finding:
    text = _dumpsys(patient, "thermalservice")
    if isinstance(text, Finding):
        return text
    told = parse_thermalservice(text)
    unseen = "Latency claims end inconclusive here; measure on a phone with Android 10 or later for more."
    if told is None:
        return warned("no thermal service: nobody can see whether it throttles", unseen)
    if told.overridden:
        return failed(
            "its thermal status was set by hand, so nobody can see whether it throttles",
            "Give it free: adb shell cmd thermalservice reset",
        )
    if told.status is None:
        return warned("a thermal service without sensors: nobody can see whether it throttles", unseen)
    if told.status > 0 or told.throttled:
        return warned(
            f"thermal status {told.status}: it throttles now",
            "Let it cool down; a run waits for that, as long as --cool-down says.",
        )
    return passed("thermal status 0")


def battery(patient: Patient) -> Finding:
    text = _dumpsys(patient, "battery")
    if isinstance(text, Finding):
        return text
    told = parse_battery(text)
    if told is None or told.percent is None:
        return warned("it does not say how full it is", "Keep the device on its charger.")
    if told.frozen:
        return failed(
            "its values were set by hand and no longer follow the battery",
            "Give them free: adb shell dumpsys battery reset",
        )
    if told.percent < BATTERY_FLOOR_PERCENT:
        return failed(
            f"{told.percent} %, and below {BATTERY_FLOOR_PERCENT} % phones save power",
            f"Charge it to {BATTERY_FLOOR_PERCENT} % or more.",
        )
    warm = "" if told.celsius is None else f", {told.celsius:.1f} °C"
    return passed(f"{told.percent} %{warm}")


def battery_saver(patient: Patient) -> Finding:
    if patient.is_host:
        return skipped("not for this machine")
    said = patient.run("settings get global low_power").text
    if absent(said):
        return warned("it does not say whether one is on", "Look at the phone: Settings, Battery.")
    if parse_setting(said) not in (None, "0"):
        return failed(
            "on, which lowers the clocks",
            "Switch it off on the phone, or: adb shell settings put global low_power 0",
        )
    return passed("off")


def cpuset(patient: Patient) -> Finding:
    told = ask(
        patient.link,
        {
            "cpuset": "cat /proc/self/cpuset",
            "allowed": "grep Cpus_allowed_list /proc/self/status",
            "present": f"cat {CPUS}/present",
        },
    )
    own, allowed = parse_cpuset(told["cpuset"]), set(parse_allowed(told["allowed"]))
    missing = sorted(set(parse_core_list(told["present"])) - allowed) if allowed else []
    where = f"cpuset {own}" if own else "no cpuset"
    if missing:
        return warned(
            f"{where}; the shell may not use cores {', '.join(map(str, missing))}",
            "Wake the screen, which gives them back on many phones: adb shell input keyevent 224",
        )
    return passed(f"{where}, every core")


def clocks(patient: Patient) -> Finding:
    rows = core_rows(patient.run(EACH_CORE).text)
    silent = [str(core) for core, _, top, limit in rows if top is None or limit is None]
    if silent or not rows:
        which = f"cores {', '.join(silent)}" if silent else "any core"
        return warned(
            f"the clocks of {which} cannot be read",
            "Go on: a run then sees throttling by the thermal service alone.",
        )
    return passed(f"readable for {len(rows)} cores")


def _dumpsys(patient: Patient, service: str) -> str | Finding:
    """The service's text, or what there is to say of its absence."""
    if patient.is_host:
        return skipped("not for this machine")
    done = patient.run(f"dumpsys {service}")
    if done.exit_code == NO_SUCH_COMMAND:
        return failed("there is no dumpsys, which every Android has", _NOT_ANDROID)
    return done.text
