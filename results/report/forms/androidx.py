"""androidx.benchmark's benchmarkData.json: what Android's own tools read, one list of samples per launch.

Source: the fields of androidx.benchmark.json.BenchmarkData. Its quantiles are over the pooled samples of all
launches, as there, and so are not those of a typical launch that this project's reports state.
"""

from __future__ import annotations

import json

import numpy as np

from results import stats
from results.device import Device
from results.launches import timed_samples
from results.report.forms.keys import latency_key, word
from results.report.forms.loaded import Loaded, Timed, unavailable, with_samples
from results.stats import SAMPLES_NEEDED


def as_androidx(run: Loaded) -> str:
    """The JSON of one run. Raises FormUnavailable, RecordDamaged.

    It has no way to say that something is not known; so a device that does not name its build is refused, and
    so are fewer inferences than its P99 takes.
    """
    found = with_samples(run, "androidx")
    device, settings = run.record.device, run.record.settings
    # google/flame/flame:13/TP1A.221005.002/9012097:user/release-keys
    parts = (device.fingerprint if device and device.fingerprint else "").replace(":", "/").split("/")
    if device is None or len(parts) != 8 or not (device.api_level and device.memory_bytes and device.cores):
        unstated = "the device does not state its Android build, API level, memory and cores"
        raise unavailable("androidx", run, unstated)
    released = parts[3][:1].isdigit()
    build = {"brand": parts[0], "device": parts[2], "fingerprint": device.fingerprint, "id": parts[4]}
    build |= {"model": device.model or parts[2], "type": parts[6]}
    version = {"codename": "REL" if released else parts[3], "sdk": device.api_level}
    context = {
        "build": build | {"version": version},
        "cpuCoreCount": len(device.cores),
        "cpuLocked": False,  # this harness never locks a clock
        "cpuMaxFreqHz": _top_hz(device),
        "memTotalBytes": device.memory_bytes,
        "sustainedPerformanceModeEnabled": False,
        "artMainlineVersion": -1,  # its word for "not found"
        "osCodenameAbbreviated": (parts[4] if released else parts[3])[:1],
        "compilationMode": "N/A",  # native code
        "payload": {"runner": settings.runner, "fixedPerformance": str(settings.fixed_performance).lower()},
    }
    benchmarks = [_benchmark(run, one) for one in found]
    data = {"context": context, "benchmarks": benchmarks}
    return json.dumps(data, separators=(",", ":"), allow_nan=False) + "\n"


def _benchmark(run: Loaded, one: Timed) -> dict[str, object]:
    launches = [timed_samples(launch, run.samples)[1] for launch in one.launches]
    pooled = np.concatenate(launches)
    at = {f"P{q * 100:.0f}": stats.quantile(pooled, q) for q in (0.5, 0.9, 0.95, 0.99)}
    if at["P99"] is None:
        few = f"its P99 takes {SAMPLES_NEEDED[0.99]} inferences, {one.series.label} has {pooled.size}"
        raise unavailable("androidx", run, few)
    spans = [run.samples[launch.samples_file] for launch in one.launches]
    return {
        "name": latency_key(run.record, one.series),
        "params": {"model": word(one.series.model), "recipe": word(one.series.recipe)},
        "className": "MobileBERT",
        "totalRunTimeNs": sum(int(span.start_ns[-1] + span.duration_ns[-1]) for span in spans),
        "metrics": {},
        "sampledMetrics": {"inferenceNs": at | {"runs": [launch.tolist() for launch in launches]}},
        "warmupIterations": min(launch.warmup_inferences for launch in one.launches),
        "repeatIterations": len(launches),
    }


def _top_hz(device: Device) -> int:
    return max((core.max_khz or 0 for core in device.cores), default=0) * 1000 or -1  # as it does itself
