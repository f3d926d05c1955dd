"""Names under which other tools join the runs of a series: no commit, no date, nothing that a run changes.

Whatever two records must share to be compared (`COMPARABLE`) and is not the usual stands in the name, so that
no tool draws a line through numbers that are not of one kind. The device's build does not, for each update is
another one.
"""

from __future__ import annotations

import re

from results.arms import Arm
from results.device import Device
from results.record import Record
from results.series import CLAIMED_MODEL, Series

_RUNNER = "mobilebert_runner"


def word(text: str) -> str:
    """A text as one part of a name: lower case, and only letters, digits, dot, dash and underscore."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:64].strip("-") or "unnamed"


def latency_key(record: Record, of: Series) -> str:
    """A series' latency, such as mobilebert/dynamic_int8/pixel-4/length128/4t."""
    arm = arm_of(record, of)
    settings = record.settings
    policy = settings.length_policy if arm is None else arm.length_policy
    threads = settings.threads if arm is None else arm.threads
    cores = settings.cores if arm is None else arm.cores
    delegate = settings.delegate if arm is None else arm.delegate
    runner = (settings.runner.split() or [_RUNNER])[0]
    parts = (
        model_key(record, of),
        *((f"arm-{of.arm}",) if of.arm else ()),
        device_key(record.device),
        f"length{settings.length}" + ("" if policy == "fixed" else f"-{policy}"),
        f"{threads}t" + ("" if cores == "big" else f"-cores-{word(cores)}"),
        *((delegate,) if delegate != "cpu" else ()),
        *((word(runner),) if runner != _RUNNER else ()),
        *(("fixed-performance",) if settings.fixed_performance else ()),
    )
    return "/".join(parts)


def accuracy_key(record: Record, of: Series) -> str:
    """A series' accuracy on this machine: of its pairs, whatever the device."""
    pairs = record.pairs
    if pairs is None:
        return model_key(record, of)
    part = "" if pairs.rows_used == pairs.rows_total else f"-{pairs.rows_used}-of-{pairs.rows_total}"
    return f"{model_key(record, of)}/{word(pairs.name)}{part}"


def model_key(record: Record, of: Series) -> str:
    """Model and recipe; a bare .tflite has only its own name."""
    artifact = next(
        (one for one in record.artifacts if (one.model, one.recipe) == (of.model, of.recipe)), None
    )
    if artifact is not None and artifact.weights.kind == "unknown" and of.model == CLAIMED_MODEL:
        return word(of.recipe)
    return f"{word(of.model)}/{word(of.recipe)}"


def device_key(device: Device | None) -> str:
    """A device's kind and model; a phone's kind goes without saying."""
    if device is None:
        return "no-device"
    name = word(device.model or device.soc or device.abi)
    return name if device.kind == "phone" else f"{device.kind.replace('_', '-')}-{name}"


def arm_of(record: Record, of: Series) -> Arm | None:
    """The side of a comparison that a series is; None in a run that compares none."""
    arms = record.comparing.arms if record.comparing is not None else ()
    return next((arm for arm in arms if arm.name == of.arm), None)
