"""The texts of a virtual phone's thermal and battery services, in the shapes that real phones print."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

_CPU, _SKIN, _BCL, _UNKNOWN = 0, 3, 6, -1
_COOLS_CPU = 2
# The skin's limits on a Pixel, °C, by status 0 to 6.
_SKIN_LIMITS_C = (math.nan, 39.0, 43.0, 45.0, 47.0, 51.5, 56.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensors:
    """What `dumpsys thermalservice` tells: temperatures in °C, `status` 0 to 6, `cooling` by name and step.

    `hal`: the line of the HAL's version. `cpu_name` None: no sensor at the processor. `thresholds`: whether
    the limits are told (Android 11 and later).
    """

    hal: str
    skin_name: str
    cpu_name: str | None
    status: int = 0
    skin_c: float = 28.4
    cpu_c: float = 31.7
    cpu_status: int = 0
    cooling: Mapping[str, int] = field(default_factory=lambda: {"thermal-cpufreq-4": 0})
    cooling_type: int = _COOLS_CPU
    thresholds: bool = True

    def text(self) -> str:
        """The service's text; its cached block is stale, as on real phones."""
        sensors = [] if self.cpu_name is None else [(self.cpu_c, _CPU, self.cpu_name, self.cpu_status)]
        sensors += [
            (self.skin_c, _SKIN, self.skin_name, self.status),
            (1250.0, _BCL, "vdroop2", 0),
            (-1.8060001, _UNKNOWN, "USB2-MINUS-QI", 0),
        ]
        stale = [(value + 14.0, kind, name, status) for value, kind, name, status in sensors]
        lines = [
            "IsStatusOverride: false",
            "ThermalEventListeners:",
            "\tcallbacks: 1",
            "ThermalStatusListeners:",
            "\tcallbacks: 2",
            f"Thermal Status: {self.status}",
            "Cached temperatures:",
            *(_temperature(*sensor) for sensor in stale),
            "HAL Ready: true",
            "HAL connection:",
            f"\t{self.hal}",
            "Current temperatures from HAL:",
            *(_temperature(*sensor) for sensor in sensors),
            "Current cooling devices from HAL:",
            *(
                f"\tCoolingDevice{{mValue={step}, mType={self.cooling_type}, mName={name}}}"
                for name, step in self.cooling.items()
            ),
        ]
        if self.thresholds:
            lines += ["Temperature static thresholds from HAL:", self._threshold()]
        return "".join(f"{line}\n" for line in lines)

    def _threshold(self) -> str:
        """The skin's limits in the form of this HAL: AIDL's, or that of the older HIDL."""
        hot = ", ".join(_java(limit) for limit in _SKIN_LIMITS_C)
        cold = ", ".join(_java(math.nan) for _ in _SKIN_LIMITS_C)
        if "AIDL" in self.hal:
            return (
                f"\tTemperatureThreshold{{mType={_SKIN}, mName={self.skin_name}, "
                f"mHotThrottlingThresholds=[{hot}], mColdThrottlingThresholds=[{cold}]}}"
            )
        return (
            f"\t{{.type = SKIN, .name = {self.skin_name}, .hotThrottlingThresholds = [{hot}], "
            f".coldThrottlingThresholds = [{cold}], .vrThrottlingThreshold = NaN}}"
        )


def battery(*, level: int, temperature: int, status: int = 2, updates_stopped: bool = False) -> str:
    """A `dumpsys battery` text of Android 13; `temperature` in tenths of °C."""
    return (
        "Current Battery Service state:\n"
        + ("  (UPDATES STOPPED -- use 'reset' to restart)\n" if updates_stopped else "")
        + "  AC powered: false\n  USB powered: true\n  Wireless powered: false\n  Dock powered: false\n"
        "  Max charging current: 500000\n  Max charging voltage: 5000000\n  Charge counter: 1082000\n"
        f"  status: {status}\n  health: 2\n  present: true\n  level: {level}\n  scale: 100\n"
        f"  voltage: 3764\n  temperature: {temperature}\n  technology: Li-ion\n"
    )


def _temperature(value: float, kind: int, name: str, status: int) -> str:
    return f"\tTemperature{{mValue={value}, mType={kind}, mName={name}, mStatus={status}}}"


def _java(number: float) -> str:
    return "NaN" if math.isnan(number) else str(number)
