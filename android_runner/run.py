"""One launch of the device program: place on cores, warm up, run, collect, always clean up."""

from __future__ import annotations

import logging
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from android_runner.busy import check_idle
from android_runner.link import unwritable_here
from android_runner.parse import Samples, expect, parse_samples
from android_runner.push import push_verified
from results.errors import HarnessError, OutputUnreadable, RunFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from android_runner.bundle import Bundle
    from android_runner.link import Link
    from results.device import LengthPolicy

log = logging.getLogger(__name__)

_REMOVE_TIMEOUT_S = 20.0
_SEND_TIMEOUT_S = 600.0
# What the program's exit codes mean (docs/formats.md), for the user.
_NEXT = {
    2: "This is a fault of the harness; please report the command in the run folder's device.log.",
    3: "Export the model again; the file may be damaged or not MobileBERT's.",
    4: "Run again; the sequences file did not arrive as it was written.",
    5: "Build the bundle again; its runtime library does not fit this device.",
    6: "The runtime cannot run this model on this device; try --recipe float32.",
    7: "Free space in the device's work folder, and run again.",
    8: "Give fewer --threads; this device does not let us use that many of its cores.",
    126: "Programs may not be run in the device's work folder (mounted noexec?): mobilebert-bench doctor.",
    137: "The device killed it, most often for want of memory; close other apps and run again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A device with the program on it: `folder` is ours there, `bundle_folder` holds the program."""

    link: Link
    folder: str
    bundle_folder: str
    bundle: Bundle


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """What one launch has to do. `cores` empty: placement is left to the device's scheduler.

    `model` and `sequences` are paths on the device; `row_ids` those of the sequences, in the file's order.
    `length_policy`: whether a row runs as long as it is padded, or by the shortest signature that holds it;
    `signatures`: the keys of those that have to run each row, in the file's order; empty: not checked.
    """

    model: str
    model_sha256: str
    sequences: str
    row_ids: NDArray[np.int32]
    threads: int
    cores: tuple[int, ...]
    seed: int
    inferences: int
    warmup_inferences: int
    warmup_s: float
    timeout_s: float
    length_policy: LengthPolicy = "fixed"
    signatures: tuple[str, ...] = ()


def set_up(link: Link, folder: str, bundle: Bundle) -> Workplace:
    """Put the program on the device, sending only what is not there yet.

    Raises: DeviceNotReady while another run measures there, PushFailed, DeviceLost.
    """
    check_idle(link)
    bundle_folder = f"{folder}/{bundle.name_there}"
    for file in bundle.files:
        push_verified(
            link,
            file.source or bundle.folder / file.name,
            f"{bundle_folder}/{file.name}",
            sha256=file.sha256,
            mode=file.mode,
            timeout_s=_SEND_TIMEOUT_S,
        )
    return Workplace(link=link, folder=folder, bundle_folder=bundle_folder, bundle=bundle)


def tidy(link: Link, folder: str) -> None:
    """Remove what killed runs left in our folder there; for whoever holds its lease. The link's errors."""
    left = "launch-*.samples launch-*.samples.part *.seq *.part */*.part lease.????????????????"
    link.run(f"cd {shlex.quote(folder)} && rm -f {left}", timeout_s=_REMOVE_TIMEOUT_S)


def send(place: Workplace, local: Path, name: str, *, sha256: str) -> str:
    """Put one file into our folder there, unless it is there already; its path on the device."""
    remote = f"{place.folder}/{name}"
    push_verified(place.link, local, remote, sha256=sha256, mode=0o644, timeout_s=_SEND_TIMEOUT_S)
    return remote


def launch(place: Workplace, order: Order) -> tuple[Samples, bytes]:
    """Start the program once and wait for it; its samples, parsed and as they came.

    Raises: RunFailed (it said no), RunTimedOut, OutputUnreadable (short, long or torn), DeviceLost.
    """
    out = f"{place.folder}/launch-{secrets.token_hex(4)}.samples"
    command = f"cd {shlex.quote(place.bundle_folder)} && exec {_command(place, order, out)}"
    try:
        done = place.link.run(command, timeout_s=order.timeout_s)
        if done.exit_code != 0:
            raise RunFailed(
                f"the device program ended with exit code {done.exit_code}: {_said(done.error_text)}",
                next_step=_NEXT.get(
                    done.exit_code, "Read device.log in the run folder; it has the program's command."
                ),
                exit_code=done.exit_code,
                stderr=done.error_text,
            )
        raw = _collect(place, out)
    finally:
        remove(place, out, f"{out}.part")
    return checked(place, order, raw), raw


def checked(place: Workplace, order: Order, raw: bytes) -> Samples:
    """What a launch left, parsed and held against what was asked for. Raises OutputUnreadable."""
    samples = parse_samples(raw.decode("utf-8", errors="replace"), source=place.link.name)
    expect(
        samples,
        timed=order.inferences,
        warmup_at_least=order.warmup_inferences,
        model_sha256=order.model_sha256,
        runtime_sha256=place.bundle.program.runtime_sha256,
        threads=order.threads,
        seed=order.seed,
        row_ids=order.row_ids,
        signatures=order.signatures,
    )
    return samples


def _command(place: Workplace, order: Order, out: str) -> str:
    arguments = [
        *("--model", order.model, "--model-sha256", order.model_sha256),
        *("--sequences", order.sequences, "--out", out),
        *("--threads", str(order.threads), "--seed", str(order.seed)),
        *("--inferences", str(order.inferences)),
        *("--warmup-inferences", str(order.warmup_inferences), "--warmup-seconds", f"{order.warmup_s:g}"),
    ]
    if order.length_policy != "fixed":
        arguments += ["--length-policy", order.length_policy]
    if order.cores:
        arguments += ["--cores", ",".join(map(str, order.cores))]
    return place.bundle.command([shlex.quote(argument) for argument in arguments])


def _collect(place: Workplace, out: str) -> bytes:
    try:
        with TemporaryDirectory(prefix="mobilebert-bench-") as folder:
            local = Path(folder) / "launch.samples"
            place.link.pull(out, local, timeout_s=_SEND_TIMEOUT_S)
            raw = local.read_bytes()
    except OSError as err:
        raise unwritable_here(Path(err.filename or gettempdir()), err) from err
    if not raw:
        raise OutputUnreadable(
            f"{place.link.name}: the program ended well and left an empty samples file",
            next_step="Look at the free space on the device, and run again.",
        )
    return raw


def remove(place: Workplace, *remote: str) -> None:
    """Leave nothing of ours behind. A device that is gone cannot be cleaned, which its user learns anyway."""
    try:
        place.link.run(f"rm -f {shlex.join(remote)}", timeout_s=_REMOVE_TIMEOUT_S)
    except HarnessError as err:
        log.debug("cleaning up %s: %s", remote, err)


def _said(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("error: ")]
    return (
        lines[-1].removeprefix("error: ")[:300]
        if lines
        else (stderr.strip().splitlines() or ["no word"])[-1][:200]
    )
