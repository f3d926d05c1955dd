"""The text that Go's benchmarks print, for benchstat: lines of configuration, then one line per launch.

Source: the Go benchmark data format. A launch is one result, as benchstat takes each line for a sample of its
own: the median of its inferences as ns/op, and their p90 where there are enough of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from results import stats
from results.launches import median_ns, timed_samples
from results.manner import manner_of
from results.plain import plain
from results.record import Launch
from results.report.forms.keys import device_key, unusual_of, word
from results.report.forms.loaded import Loaded, Timed, timed, unavailable, untimed


def as_benchstat(run: Loaded) -> str:
    """The text of one run. Raises FormUnavailable where no launch has a median, RecordDamaged."""
    found = timed(run)
    lines = [line for one in found for launch in one.launches for line in _line(run, one, launch)]
    if not lines:
        raise unavailable("benchstat", run, found[0].p50.reason or "no median" if found else untimed(run))
    device, settings = run.record.device, run.record.settings
    assert device is not None
    config = {
        "goos": "linux" if device.kind == "host" else "android",
        "goarch": {"arm64-v8a": "arm64", "x86_64": "amd64"}.get(device.abi, word(device.abi)),
        "device": device_key(device),
        "soc": device.soc,
        "build": device.fingerprint,
        "runner": settings.runner,
        "commit": settings.commit,
    }
    told = [f"{key}: {plain(value).strip()}" for key, value in config.items() if value]
    left_out = [
        f"{one.series.label} {one.total - len(one.launches)} of {one.total}"
        for one in found
        if one.total > len(one.launches)
    ]
    told += [f"invalid-launches: left out, {', '.join(left_out)}"] if left_out else []
    return "\n".join([*told, "", *lines]) + "\n"


def _line(run: Loaded, one: Timed, launch: Launch) -> Iterator[str]:
    median = median_ns(launch, run.samples)
    if median is None:
        return
    record, of = run.record, one.series
    parts = {"model": word(of.model), "recipe": word(of.recipe)}
    parts |= {"arm": of.arm} if of.arm else {}
    parts |= unusual_of(record, of)
    # These end in a number, which after a dash at the very end would be taken for GOMAXPROCS.
    parts |= {"length": str(record.settings.length), "threads": str(manner_of(record, of).threads)}
    name = "/".join(("BenchmarkMobileBERT", *(f"{key}={value}" for key, value in parts.items())))
    p90 = stats.quantile(timed_samples(launch, run.samples)[1], 0.9) if one.raw else None
    tail = "" if p90 is None else f" {p90:.0f} p90-ns/op"
    yield f"{name} {launch.timed_inferences} {median:.0f} ns/op{tail}"
