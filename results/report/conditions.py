"""The table of the device's state around the launches, and what the kernel's books say of its clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from results.device import ClockUse, Conditions, Device
from results.launches import counted as last_attempts
from results.launches import launches_of
from results.plain import short
from results.record import Record
from results.report.model import Cell, Table
from results.report.words import ranges
from results.series import series_of


def conditions_table(record: Record) -> Table | None:
    """Before the first launch and after the last, and what lay between."""
    if not record.launches:
        return None
    first, last = record.launches[0].before, record.launches[-1].after
    moments = [moment for launch in record.launches for moment in (launch.before, launch.after)]
    rows = [_state("before the first launch", first), _state("after the last launch", last)]
    between = _warmest(moments)
    if between[1:-1] not in (rows[0][1:-1], rows[1][1:-1]):
        rows.append(between)
    return Table(
        title="Conditions",
        id="conditions",
        columns=("", "thermal status", "skin", "CPU", "battery", "charging"),
        rows=tuple(rows),
        lines=(
            *_clocks(record),
            *_allowed(moments),
        ),
    )


def _warmest(moments: Sequence[Conditions]) -> tuple[Cell, ...]:
    """The worst of every column over all moments."""

    def most(of: Callable[[Conditions], float | None]) -> float | None:
        return max((value for moment in moments if (value := of(moment)) is not None), default=None)

    status = most(lambda moment: moment.thermal_status)
    levels = [moment.battery_percent for moment in moments if moment.battery_percent is not None]
    return (
        "warmest, least battery",
        _or_unavailable(status),
        _celsius(most(lambda moment: moment.skin_c)),
        _celsius(most(lambda moment: moment.cpu_c)),
        _battery(min(levels, default=None), most(lambda moment: moment.battery_c)),
        "",
    )


def _clocks(record: Record) -> Iterator[str]:
    """The share of time at the top clock, per cluster, the median of the launches that count."""
    launches = [
        launch
        for one in series_of(record)
        for launch in last_attempts(launches_of(record, one))
        if not launch.invalid
    ]
    uses: dict[tuple[int, ...], list[ClockUse]] = {}
    for launch in launches:
        for use in launch.clocks:
            uses.setdefault(use.cores, []).append(use)
    parts = []
    for cores, seen in sorted(uses.items()):
        top = _top_khz(record.device, cores) or max(khz for use in seen for khz in use.shares or {0: 0})
        share = float(np.median([use.shares.get(top, 0.0) for use in seen]))
        name = "core" if len(cores) == 1 else "cores"
        parts.append(f"{name} {ranges(cores)} at {top / 1e6:.2f} GHz for {share * 100:.0f} %")
    if parts:
        yield f"Top clocks, share of a launch's time, idle time included (median): {'; '.join(parts)}."


def _top_khz(device: Device | None, cores: tuple[int, ...]) -> int | None:
    known = [core.max_khz for core in device.cores if core.index in cores] if device is not None else []
    return max((khz for khz in known if khz is not None), default=None)


def _allowed(moments: Sequence[Conditions]) -> Iterator[str]:
    """In which cpuset the device's shell was, and which cores that left it."""
    sets = sorted({short(moment.cpuset) for moment in moments if moment.cpuset is not None})
    cores = sorted({ranges(moment.allowed_cores) for moment in moments if moment.allowed_cores})
    told = [f"cpuset {', '.join(sets)}"] if sets else []
    told += [f"allowed cores {' or '.join(cores)}"] if cores else []
    if told:
        yield f"The shell's {'; '.join(told)}."


def _state(when: str, state: Conditions) -> tuple[Cell, ...]:
    thermal = _or_unavailable(state.thermal_status) + (" (overridden)" if state.thermal_overridden else "")
    charging = {True: "yes", False: "no", None: "unavailable"}[state.charging]
    battery = _battery(state.battery_percent, state.battery_c)
    return (when, thermal, _celsius(state.skin_c), _celsius(state.cpu_c), battery, charging)


def _battery(percent: float | None, celsius: float | None) -> str:
    told = "unavailable" if percent is None else f"{percent:g} %"
    return told if celsius is None else f"{told}, {celsius:.1f} °C"


def _celsius(value: float | None) -> str:
    return "unavailable" if value is None else f"{value:.1f} °C"


def _or_unavailable(value: float | None) -> str:
    return "unavailable" if value is None else f"{value:g}"
