"""Every error that a user can meet, one class per reaction.

    HarnessError
      ConfigError                 wrong call: exit 2; what is below exits 4, NotComparable 3
      OutputNotWritten            stdout leads to a full disk; the run folder has it all
      ExportError
        CheckpointError           weights missing, damaged, or not those of their config
        ConversionError           the converter refused, or wrote something unusable
        ExportParityError         the converted file does not compute what the float graph does
      DeviceError
        NoDevice                  nothing there under that name
          DeviceUnreachable       an address where nothing listens
          ForeignProtocol         something listens, and it is not adbd
        SeveralDevices            more than one, and no choice was made
        DeviceNotReady            there, but offline or busy
          DeviceUnauthorized      there, but this machine's key is not accepted
          DeviceBusy              another run measures there, or another program holds its cable
          UsbDenied               this user may not open its USB port
          DeviceUnfit             too warm, battery too low, or its readings are not its own
        AbiUnsupported            no bundle runs on this device's processor
        BundleUnavailable         the device program's bundle cannot be built here
        PushFailed                a file did not arrive whole
          NoSpaceOnDevice         the target's disk is full
          TargetNotWritable       the target folder is read-only or forbidden
        DeviceLost                it was there, and went away
      RunError
        RunFailed                 the device program said no
        RunTimedOut               it did not end in time
        RunDiffers                it ended well, and did not do what was asked (runs, delegate, flags)
        OutputUnreadable          it ended well, and its output is short, long or torn
      WorkersLost                 those who evaluate died at it again and again, or cannot be reached
      DataError
        PairsError                the pairs file is missing, empty or malformed
        VocabularyError           the vocabulary is not the one the checkpoint was trained with
        LabelsError               labels that do not match the checkpoint's
      RecordError
        SchemaUnknown             written by another version
        RecordDamaged             not what was written
        RecordNotSaved            the run folder's disk is full or read-only; what was there is intact
        NotResumable              the run cannot be gone on with: it ended, or what it used has changed
        ReportMissing             the record is there, and was never reported: its run did not end
        NotComparable             two records, or a record and a history, that say nothing about each other
        FormUnavailable           the record does not hold the numbers that a form is made of

A message has three parts: `what` happened, what was `kept`, and what to do `next`. Who raises knows the
first and the last; the pipeline, which knows what was saved, attaches `kept` with `keeping`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator


class HarnessError(Exception):
    """Something went wrong in a way that its user can act on.

    `facts` are the details behind `what` (argv, exit_code, stderr, timeout_s, path): for the log, not
    for the message.
    """

    exit_code = 4

    def __init__(self, what: str, *, next_step: str, **facts: object) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.facts = facts
        self.kept: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """For its way from a worker process: Exception's own way back knows no named arguments."""
        return _again, (type(self), self.what, self.next_step, self.facts, self.kept)

    @property
    def slug(self) -> str:
        """The class as users read it: DeviceNotReady is "device-not-ready"."""
        name = type(self).__name__.removesuffix("Error")
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()

    def render(self) -> str:
        """The whole message, one fact per line, without a traceback."""
        lines = [f"error: {self.slug}", f"  what   {self.what}"]
        if self.kept is not None:
            lines.append(f"  kept   {self.kept}")
        lines.append(f"  next   {self.next_step}")
        return "\n".join(lines)


def _again(
    kind: type[HarnessError], what: str, next_step: str, facts: dict[str, object], kept: str | None
) -> HarnessError:
    err = kind(what, next_step=next_step, **facts)
    err.kept = kept
    return err


class ConfigError(HarnessError):
    exit_code = 2


class OutputNotWritten(HarnessError):
    pass


class ExportError(HarnessError):
    pass


class CheckpointError(ExportError):
    pass


class ConversionError(ExportError):
    pass


class ExportParityError(ExportError):
    pass


class DeviceError(HarnessError):
    pass


class NoDevice(DeviceError):
    pass


class DeviceUnreachable(NoDevice):
    pass


class ForeignProtocol(NoDevice):
    pass


class SeveralDevices(DeviceError):
    pass


class DeviceNotReady(DeviceError):
    pass


class DeviceUnauthorized(DeviceNotReady):
    pass


class DeviceBusy(DeviceNotReady):
    pass


class UsbDenied(DeviceNotReady):
    pass


class DeviceUnfit(DeviceNotReady):
    pass


class AbiUnsupported(DeviceError):
    pass


class BundleUnavailable(DeviceError):
    pass


class PushFailed(DeviceError):
    pass


class NoSpaceOnDevice(PushFailed):
    pass


class TargetNotWritable(PushFailed):
    pass


class DeviceLost(DeviceError):
    pass


class RunError(HarnessError):
    pass


class RunFailed(RunError):
    pass


class RunTimedOut(RunError):
    pass


class RunDiffers(RunError):
    pass


class OutputUnreadable(RunError):
    pass


class WorkersLost(HarnessError):
    pass


class DataError(HarnessError):
    pass


class PairsError(DataError):
    pass


class VocabularyError(DataError):
    pass


class LabelsError(DataError):
    pass


class RecordError(HarnessError):
    pass


class SchemaUnknown(RecordError):
    pass


class RecordDamaged(RecordError):
    pass


class RecordNotSaved(RecordError):
    pass


class NotResumable(RecordError):
    pass


class ReportMissing(RecordError):
    pass


class NotComparable(RecordError):
    """Ends with 3, as every outcome that decides nothing does where the exit code says the outcome."""

    exit_code = 3


class FormUnavailable(RecordError):
    pass


@contextlib.contextmanager
def keeping(kept: str) -> Iterator[None]:
    """Say in any HarnessError that passes what was saved before it; the innermost word wins."""
    try:
        yield
    except HarnessError as err:
        if err.kept is None:
            err.kept = kept
        raise


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the nearest known name, after a blank; empty where none is near."""
    import difflib  # only where a name was mistyped

    near = difflib.get_close_matches(name.lower().replace("-", "_"), list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""
