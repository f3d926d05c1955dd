"""How a device does at this moment: its own words, in one command."""

from __future__ import annotations

from datetime import UTC, datetime

from android_runner.ask import ask
from android_runner.battery_text import parse_battery, parse_power, parse_setting
from android_runner.cores import EACH_CORE, core_rows
from android_runner.device_text import absent
from android_runner.kernel_text import (
    parse_allowed,
    parse_boot_id,
    parse_cpuset,
    parse_load,
    parse_uptime_s,
)
from android_runner.link import Link
from android_runner.thermal_text import CPU, SKIN, parse_thermalservice
from results.device import Conditions
from results.errors import DeviceUnfit

_STATE = {
    "thermal": "dumpsys thermalservice",
    "battery": "dumpsys battery",
    "power": "dumpsys power",
    "saver": "settings get global low_power",
    "cores": EACH_CORE,
    "cpuset": "cat /proc/self/cpuset",
    "allowed": "grep Cpus_allowed_list /proc/self/status",
    "load": "cat /proc/loadavg",
    "uptime": "cat /proc/uptime",
    "boot": "cat /proc/sys/kernel/random/boot_id",
}


def conditions(link: Link) -> Conditions:
    """The device's state now.

    Raises DeviceUnfit when its battery values were set by hand, OutputUnreadable, and the link's errors.
    """
    told = ask(link, _STATE)
    thermal = parse_thermalservice(told["thermal"])
    battery = parse_battery(told["battery"])
    if battery is not None and battery.frozen:
        raise DeviceUnfit(
            f"the battery values of {link.name} were set by hand and no longer follow the battery.",
            next_step="Give them free, then run again: adb shell dumpsys battery reset",
        )
    power = parse_power(told["power"])
    return Conditions(
        at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        thermal_status=None if thermal is None else thermal.status,
        thermal_overridden=thermal is not None and thermal.overridden,
        skin_c=None if thermal is None else thermal.hottest_c(SKIN),
        cpu_c=None if thermal is None else thermal.hottest_c(CPU),
        battery_percent=None if battery is None else battery.percent,
        battery_c=None if battery is None else battery.celsius,
        charging=None if battery is None else battery.charging,
        max_khz_by_core={core: now for core, _, _, now in core_rows(told["cores"]) if now is not None},
        throttled=() if thermal is None else thermal.throttled,
        cooling={} if thermal is None else thermal.cooling,
        skin_light_c=None if thermal is None else thermal.skin_light_c,
        awake=None if power is None else power.awake,
        battery_saver=_battery_saver(told["saver"], None if power is None else power.battery_saver),
        cpuset=parse_cpuset(told["cpuset"]),
        allowed_cores=parse_allowed(told["allowed"]),
        load_1min=parse_load(told["load"]),
        uptime_s=parse_uptime_s(told["uptime"]),
        boot_id=parse_boot_id(told["boot"]),
    )


def _battery_saver(setting: str, service: bool | None) -> bool | None:
    """On where either says so: the setting does not know the adaptive saver, old services say nothing."""
    value = None if absent(setting) else parse_setting(setting)
    return service if value is None else bool(service) or value != "0"
