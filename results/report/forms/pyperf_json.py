"""pyperf's JSON: one benchmark per series, one run per launch, its warm-up among them, in seconds.

Source: pyperf's documented file format, version 1.0. A launch is what pyperf calls a run (one process), so
that its stats, hist, check and compare_to read them as their own.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

from results.plain import plain
from results.record import Launch
from results.report.forms.keys import device_key, latency_key
from results.report.forms.loaded import Loaded, Timed, with_samples

_DIGITS = 9  # of a second: what a clock in ns gives


def as_pyperf(run: Loaded) -> str:
    """The JSON of one run. Raises FormUnavailable where no inference that counts was kept, RecordDamaged."""
    found = with_samples(run, "pyperf")
    device, settings = run.record.device, run.record.settings
    assert device is not None
    told = {
        "device": device_key(device),
        "soc": device.soc,
        "build": device.fingerprint,
        "runner": settings.runner,
        "commit": settings.commit,
    }
    # pyperf refuses an empty text, and one of several lines.
    metadata = {"unit": "second"} | {
        key: text for key, value in told.items() if (text := plain(value or "").strip())
    }
    benchmarks = [
        {
            "metadata": {
                "name": latency_key(run.record, one.series),
                "launches_invalid": one.total - len(one.launches),
            },
            "runs": [_run(run, one, launch) for launch in one.launches],
        }
        for one in found
    ]
    suite = {"version": "1.0", "metadata": metadata, "benchmarks": benchmarks}
    return json.dumps(suite, separators=(",", ":"), allow_nan=False) + "\n"


def _run(run: Loaded, one: Timed, launch: Launch) -> dict[str, object]:
    samples = run.samples[launch.samples_file]
    seconds = [round(int(ns) * 1e-9, _DIGITS) for ns in samples.duration_ns]
    values = [value for value, timed in zip(seconds, samples.timed, strict=True) if timed]
    warmups = [[1, value] for value, timed in zip(seconds, samples.timed, strict=True) if not timed]
    metadata: dict[str, str | int] = {"threads": launch.threads}
    with suppress(ValueError):  # of a time that is none
        began = datetime.fromisoformat(launch.started_at).replace(tzinfo=None)
        metadata["date"] = began.isoformat(sep=" ")
    if launch.peak_rss_bytes:
        metadata["mem_max_rss"] = launch.peak_rss_bytes
    made: dict[str, object] = {"metadata": metadata, "values": values}
    return made | {"warmups": warmups} if warmups else made
