"""Names under which other tools join the runs of a series: no commit, no date, nothing that a run changes.

Whatever two records must share to be compared (`COMPARABLE`) and is not the usual stands in the name, so that
no tool draws a line through numbers that are not of one kind. The device's build does not, for each update is
another one.
"""

from __future__ import annotations

import re

from results.device import Device
from results.manner import manner_of
from results.protocol import artifact_of
from results.record import Record
from results.series import CLAIMED_MODEL, Series

_RUNNER = "mobilebert_runner"


def word(text: str) -> str:
    """A text as one part of a name: lower case, and only letters, digits, dot, dash and underscore."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:64].strip("-") or "unnamed"


def latency_key(record: Record, of: Series) -> str:
    """A series' latency, such as mobilebert/dynamic_int8/pixel-4/length128/4t."""
    settings, manner, unusual = record.settings, manner_of(record, of), unusual_of(record, of)
    policy, cores = (f"-{unusual[name]}" if name in unusual else "" for name in ("policy", "cores"))
    parts = (
        model_key(record, of),
        *((f"arm-{of.arm}",) if of.arm else ()),
        device_key(record.device),
        f"length{settings.length}{policy}",
        f"{manner.threads}t" + (f"-cores{cores}" if cores else ""),
        *(unusual[name] for name in ("delegate", "runner") if name in unusual),
        *(("fixed-performance",) if "fixed-performance" in unusual else ()),
    )
    return "/".join(parts)


def unusual_of(record: Record, of: Series) -> dict[str, str]:
    """What latency depends on and is not the usual in this run, as words by name."""
    manner, settings = manner_of(record, of), record.settings
    said = {
        "policy": (word(manner.length_policy), "fixed"),
        "cores": (word(manner.cores), "big"),
        "delegate": (word(manner.delegate), "cpu"),
        "runner": (word((settings.runner.split() or [_RUNNER])[0]), _RUNNER),
        "fixed-performance": ("on" if settings.fixed_performance else "off", "off"),
    }
    return {name: held for name, (held, usual) in said.items() if held != usual}


def accuracy_key(record: Record, of: Series) -> str:
    """A series' accuracy on this machine: of its pairs, whatever the device."""
    pairs = record.pairs
    if pairs is None:
        return model_key(record, of)
    part = "" if pairs.rows_used == pairs.rows_total else f"-{pairs.rows_used}-of-{pairs.rows_total}"
    return f"{model_key(record, of)}/{word(pairs.name)}{part}"


def model_key(record: Record, of: Series) -> str:
    """Model and recipe; a bare .tflite has only its own name."""
    artifact = artifact_of(record, of.recipe, of.model, of.arm)
    if artifact is not None and artifact.weights.kind == "unknown" and of.model == CLAIMED_MODEL:
        return word(of.recipe)
    return f"{word(of.model)}/{word(of.recipe)}"


def device_key(device: Device | None) -> str:
    """A device's kind and model; a phone's kind goes without saying."""
    if device is None:
        return "no-device"
    name = word(device.model or device.soc or device.abi)
    return name if device.kind == "phone" else f"{device.kind.replace('_', '-')}-{name}"
