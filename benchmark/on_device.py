"""The steps of pipeline.py that need the device, each saying what it does before it does it."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from android_runner import discover, place, probe, state_guard
from android_runner import run as device_run
from android_runner.boot import boot
from android_runner.bundle import device_bundle, host_bundle
from android_runner.busy import check_idle
from android_runner.cache import cache_folder
from android_runner.lease import Lease
from android_runner.settle import check_fit
from benchmark import device_accuracy, parity_run
from benchmark import measure as launches
from benchmark.bench import Bench, Ready
from benchmark.config import CLAIM_THREADS, REFERENCE_RECIPE, Config
from benchmark.device_accuracy import DeviceLogits
from benchmark.host_logits import usable_cores
from benchmark.inputs import Prepared
from benchmark.journal import Journal
from benchmark.listener import Listener
from benchmark.session import Session
from export.artifact import ArtifactFiles
from results.device import Device
from results.errors import DeviceBusy, HarnessError, NotResumable
from results.report.words import padding
from results.series import Series, compares_models, series_of

if TYPE_CHECKING:
    from android_runner.binary import Binary
    from android_runner.bundle import Bundle
    from android_runner.link import Link

_UNTIL_IDLE_S = 180.0


def choose(config: Config, listener: Listener) -> Link:
    """The device that is asked for, or the only one that is attached, or this machine."""
    link = discover.choose(
        config.device,
        auth_timeout_s=config.auth_timeout_s,
        on_prompt=lambda: listener.on_step('Accept "Allow USB debugging?" on the phone.'),
    )
    if link.name == "host":
        why = "as asked" if config.device else "no device is attached in any state"
        listener.on_step(f"Measuring this machine (host), not a phone: {why}.")
    else:
        held = " An adb server holds it, and is used." if link.name.startswith("server:") else ""
        listener.on_step(f"Measuring {link.name}.{held}")
    return link


def look_at(link: Link, journal: Journal, listener: Listener) -> Device:
    """What the device is; a device that is in use is refused before anything takes long."""
    listener.on_step("Looking at the device.")
    device = probe.probe(link)
    if journal.resumed and device.kind == "emulator" and link.name != journal.record.settings.device:
        raise NotResumable(
            f"the emulator at {link.name} cannot be told from the one that the run began with: they share "
            "their serial number.",
            next_step=f"Start it again so that it is at {journal.record.settings.device}, or run anew.",
        )
    journal.fix("device", device=device)
    Lease(link, probe.device_folder(link)).check()
    if not journal.resumed:  # its own program may still be running: that is waited for, later
        check_idle(link)
    check_fit(link, device.kind)
    settings = journal.record.settings
    place.cores_for(device, threads_for(device, settings.threads), settings.cores)
    for text in device.contradictions:
        journal.doubt("contradiction", f"The device contradicts itself: {text}.")
    return device


@contextmanager
def held(
    link: Link, device: Device, config: Config, journal: Journal, listener: Listener
) -> Iterator[Session]:
    """The device as ours alone, kept awake; given back as it was, however this ends."""
    session = Session(
        link=link,
        device=device,
        lease=Lease(link, probe.device_folder(link)),
        journal=journal,
        listener=listener,
        wait_s=config.wait_for_device_s,
    )
    try:
        session.endure(lambda: _move_in(session), during="taking the device")
        journal.went_on(session.boot_id)
        wanted = state_guard.wanted(device, fixed_performance=config.fixed_performance)
        guard = state_guard.changed(link, device, wanted, still_ours=lambda: _is_ours(session))
        try:
            with guard as changes:
                session.again.append(changes.reapply)
                journal.add("the device's settings", changes=changes.changes)
                yield session
        finally:
            _note_changes(guard, journal)
    finally:
        session.lease.release()


def _is_ours(session: Session) -> bool:
    """Whether nobody else measures there by now; raises the link's errors."""
    try:
        session.lease.check()
    except DeviceBusy:
        return False
    return True


def _move_in(session: Session) -> None:
    """The device as ours, idle, and without what killed runs left there."""
    link = session.link
    abandoned = session.take()
    session.boot_id = boot(link).id
    _until_idle(link, session.listener, _UNTIL_IDLE_S if abandoned else 0)
    device_run.tidy(link, probe.device_folder(link))
    for text in state_guard.restore_left_over(link, session.device):
        session.listener.on_step(text)
        if "could not" in text:
            session.journal.doubt("device-settings", text)


def set_up(session: Session, config: Config, pairs: Prepared, journal: Journal, listener: Listener) -> Bench:
    """The device program there, threads and cores chosen, the rows that will be timed."""
    listener.on_step("Setting up the device program.")
    settings = journal.record.settings
    threads, bundle = threads_for(session.device, settings.threads), bundle_for(session.device)
    bench = bench_with(bundle, threads, session, config, pairs, journal, listener)
    journal.fix("program", program=bench.program)
    journal.add("program", settings=dataclasses.replace(settings, threads=threads))
    return bench


def bundle_for(device: Device) -> Bundle:
    """The device program for its processor. Raises: AbiUnsupported, BundleUnavailable."""
    return host_bundle() if device.kind == "host" else device_bundle(device.abi)


def threads_for(device: Device, asked: int | None) -> int:
    """The threads that are asked for, or the claim's, or as many as there are cores."""
    return asked or min(CLAIM_THREADS, len(device.cores))


def bench_with(
    bundle: Bundle,
    threads: int,
    session: Session,
    config: Config,
    pairs: Prepared,
    journal: Journal,
    listener: Listener,
) -> Bench:
    """This bundle put there, and what `config` asks for beside it."""
    link, device, settings = session.link, session.device, journal.record.settings
    if not config.threads and threads < CLAIM_THREADS:
        journal.doubt("few-cores", f"{threads} threads: the device has no more cores; the claim used 4.")
    cores = place.cores_for(device, threads, config.cores)
    if not cores and device.kind == "phone" and config.cores != "all":
        journal.doubt(
            "placement",
            "The device does not rank its cores: its own scheduler placed the threads.",
        )
    folder = probe.device_folder(link)

    def put() -> device_run.Workplace:
        return device_run.set_up(link, folder, bundle)

    ours = session.endure(put, during="setting up the device program")
    session.again.append(put)
    binary = _other_program(session, ours, config, listener)
    return Bench(
        session=session,
        place=ours,
        threads=threads,
        cores=cores,
        sequences=launches.timing_rows(pairs.sequences, settings.inferences, settings.seed),
        candidates=pairs.candidates,
        host_threads=usable_cores(),
        same_kernels=_runs_here(device) and bundle.as_built,
        binary=binary,
        delegate=config.delegate,
        length_policy=config.length_policy,
    )


def check_parity(
    bench: Bench, artifacts: tuple[ArtifactFiles, ...], journal: Journal, listener: Listener
) -> tuple[Ready, ...]:
    """What may be timed: the artifacts that the device computes as this host does."""
    listener.on_step("Comparing the device's logits with this host's.")
    made = {(files.artifact.model, files.artifact.recipe): files for files in artifacts}
    ready: list[Ready] = []
    failures: list[HarnessError] = []
    for series in series_of(journal.record):
        files, reference = made[series.model, series.recipe], made.get((series.model, REFERENCE_RECIPE))
        try:
            one = parity_run.check_parity(bench, files, reference, journal)
        except launches.NOT_RUN as err:
            if not compares_models(journal.record):
                raise
            failures.append(err)
            launches.give_up(series, "cannot be run on this device", err, journal)
        else:
            ready += [one] if one else []
    if failures and len(failures) == len(series_of(journal.record)):
        raise failures[0]
    return tuple(ready)


def measure(bench: Bench, ready: tuple[Ready, ...], journal: Journal, listener: Listener) -> None:
    """The launches."""
    if not ready:
        return
    settings = journal.record.settings
    made = [one.files.artifact for one in ready]
    names = [Series(model=artifact.model, recipe=artifact.recipe).label for artifact in made]
    listener.on_step(
        f"Measuring {', '.join(names)}: {settings.launches} launches x "
        f"{settings.inferences} inferences each, {bench.threads} threads, "
        f"{padding(settings)}."
    )
    launches.measure(bench, ready, journal, listener, spare=compares_models(journal.record))
    listener.on_done()


def evaluate(
    bench: Bench,
    ready: tuple[Ready, ...],
    config: Config,
    pairs: Prepared,
    journal: Journal,
    listener: Listener,
) -> tuple[DeviceLogits, ...]:
    """The device's own logits on the run's pairs, where they are asked for."""
    if config.accuracy_on != "device" or not ready:
        return ()
    seconds = sum(one.inference_s for one in ready) * pairs.pairs.rows_used
    listener.on_step(
        f"Evaluating on the device: {pairs.pairs.rows_used} of {pairs.pairs.rows_total} pairs, "
        f"{pairs.pairs.name}, at most about {max(1, round(seconds / 60))} min."
    )
    return device_accuracy.evaluate_on_device(bench, ready, pairs, journal, listener)


def _other_program(
    session: Session, ours: device_run.Workplace, config: Config, listener: Listener
) -> Binary | None:
    """benchmark_model on the device, where that does the timing; our own program checks the parity."""
    if config.binary is None:
        return None
    from android_runner import benchmark_model
    from android_runner.binary import open_binary

    binary = open_binary(config.binary, ours.bundle.abi, cache_folder())
    listener.on_step(f"Timing with benchmark_model {binary.version}, SHA-256 {binary.sha256[:16]}.")
    session.journal.doubt(
        "other-program",
        f"benchmark_model's own logits ({config.delegate}) were not seen: the device parity is that of this "
        "project's program on the CPU.",
    )

    def put() -> str:
        return benchmark_model.send_binary(ours, binary)

    session.endure(put, during="sending benchmark_model")
    session.again.append(put)
    return binary


def _until_idle(link: Link, listener: Listener, limit_s: float) -> None:
    """Wait for what a killed run left running: it ends by itself. Raises DeviceBusy past the limit."""
    deadline = time.monotonic() + limit_s
    said = False
    while True:
        try:
            check_idle(link)
        except DeviceBusy as err:
            if time.monotonic() >= deadline:
                raise
            if not said:
                listener.on_step(f"{err.what} Waiting until it has ended.")
                said = True
            time.sleep(1)
        else:
            return


def _note_changes(guard: state_guard.Guard, journal: Journal) -> None:
    """What was changed there, and whether it is as it was; the record may be beyond writing by now."""
    with contextlib.suppress(HarnessError):
        journal.add("the device's settings", changes=guard.changes)
        for text in guard.doubts:
            journal.doubt("device-settings", text)


def _runs_here(device: Device) -> bool:
    """Whether the device's processor is this machine's own."""
    return device.kind == "host" or (device.kind == "virtual_phone" and device.abi == platform.machine())
