"""One run folder: record.json, the raw files that it names, verdict.json and report.txt.

record.json stays within 64 KiB however many launches there are: once they make it larger, all that it holds
so far move into a file of their own (launches-000.json, -001...), and it holds the later ones.

Every file is written whole or not at all: to NAME.part, flushed to the disk, then renamed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from results.compare.comparison_file import COMPARISON_SCHEMA, Comparison
from results.consistency import check_record
from results.decode import check_encoded, damaged, decode_launches, decode_record, decode_versioned
from results.encode import encode
from results.errors import RecordDamaged, RecordNotSaved, ReportMissing, SchemaUnknown
from results.evaluated import Accuracy, DeviceAccuracy, RuntimeAccuracy
from results.history.summary_file import SUMMARY_SCHEMA, RunSummary
from results.predictions import Predictions, read_predictions
from results.record import SCHEMA, Launch, Launches, LaunchFile, Record
from results.row_tokens import read_files, with_tokens
from results.samples import LaunchSamples, read_samples
from results.verdict_file import VERDICT_SCHEMA, Verdict
from results.whole_file import write_whole

# Whose predictions are told apart by their file's name.
_Named: TypeAlias = DeviceAccuracy | RuntimeAccuracy

RECORD = "record.json"
VERDICT = "verdict.json"
COMPARISON = "comparison.json"
SUMMARY = "summary.json"
REPORT = "report.txt"
RECORD_LIMIT_BYTES = 64 * 1024


class RunStore:
    """A run folder on disk. Not shared: one process writes one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._launch_files: tuple[LaunchFile, ...] | None = None  # not known until first needed

    @classmethod
    def create(cls, root: Path) -> RunStore:
        """A new folder root/NNNN, the next free number; two processes never get the same one."""
        try:
            root.mkdir(parents=True, exist_ok=True)
            number = max((int(p.name) for p in root.iterdir() if p.name.isdecimal()), default=0)
            while True:
                number += 1
                path = root / f"{number:04d}"
                # mkdir is the lock: it fails for all but one of those who try.
                with suppress(FileExistsError):
                    path.mkdir()
                    return cls(path)
        except OSError as err:
            raise _not_saved(root, err) from err

    @classmethod
    def open(cls, path: Path) -> RunStore:
        """An existing run folder. Raises RecordDamaged where there is no record.json in it."""
        if not (path / RECORD).is_file():
            raise RecordDamaged(
                f"{path / RECORD} is missing, so this is no run folder.",
                next_step="Give the folder of a run, such as runs/0001.",
                path=str(path),
            )
        return cls(path)

    @property
    def run_id(self) -> str:
        """The folder's name: the run's number."""
        return self.folder.name

    def report(self) -> str:
        """The report as it was written.

        Raises:
            ReportMissing: there is none, for the run did not end, or it was taken away.
            SchemaUnknown, RecordDamaged: nor can it be made again from the record.
        """
        if not (self.folder / REPORT).exists():
            why = f"{REPORT} is missing" if self._decoded().ended_at else "the run did not end"
            raise ReportMissing(
                f"{self.folder} has no report: {why}.",
                next_step="To go on with a run that was stopped: "
                f"mobilebert-bench resume {shlex.quote(str(self.folder))}; to judge what it has recorded: "
                f"mobilebert-bench report {shlex.quote(str(self.folder))} --recompute",
                path=str(self.folder / REPORT),
            )
        return self._read(REPORT).decode("utf-8", errors="replace")

    def save(self, record: Record) -> None:
        """Write record.json over the last one; if that fails, the last one is still there.

        Launches are only ever added: those that were filed are not looked at again.

        Raises:
            RecordDamaged: the record does not fit the shipped schema, or contradicts itself: nothing was
                written.
            RecordNotSaved: the disk is full or the folder cannot be written.
        """
        if self._launch_files is None:
            there = (self.folder / RECORD).is_file()
            self._launch_files = self._decoded().launch_files if there else ()
        filed = self._launch_files
        check_record(record, str(self.folder / RECORD))
        held = record.launches[sum(one.count for one in filed) :]
        data = self._encoded_record(record, filed, held)
        if len(data) > RECORD_LIMIT_BYTES and held:
            # The file comes first: until record.json names it, the last record.json is still whole.
            filed = (*filed, self._file(held, len(filed)))
            data = self._encoded_record(record, filed, ())
        self._write(RECORD, data)
        self._launch_files = filed

    def _encoded_record(
        self, record: Record, filed: tuple[LaunchFile, ...], held: tuple[Launch, ...]
    ) -> bytes:
        """The bytes of record.json with these launches in it, checked."""
        name = str(self.folder / RECORD)
        data = _encoded(dataclasses.replace(record, launch_files=filed, launches=held), name)
        check_encoded(data, f"record-{SCHEMA}.json", name)
        return data

    def _file(self, launches: tuple[Launch, ...], number: int) -> LaunchFile:
        """Write launches into a file of their own."""
        name = f"launches-{number:03d}.json"
        data = _encoded(Launches(launches=launches), str(self.folder / name))
        check_encoded(data, f"launches-{SCHEMA}.json", str(self.folder / name))
        return LaunchFile(file=name, sha256=self.add_raw(name, data), count=len(launches))

    def save_verdict(self, verdict: Verdict) -> None:
        """Write verdict.json. Raises as `save` does."""
        data = _encoded(verdict, str(self.folder / VERDICT))
        check_encoded(data, f"verdict-{VERDICT_SCHEMA}.json", str(self.folder / VERDICT))
        self._write(VERDICT, data)

    def save_comparison(self, comparison: Comparison) -> None:
        """Write comparison.json, of a run of two arms. Raises as `save` does."""
        data = _encoded(comparison, str(self.folder / COMPARISON))
        check_encoded(data, f"comparison-{COMPARISON_SCHEMA}.json", str(self.folder / COMPARISON))
        self._write(COMPARISON, data)

    def comparison(self) -> Comparison:
        """What comparison.json says. Raises SchemaUnknown, RecordDamaged."""
        name = str(self.folder / COMPARISON)
        return decode_versioned(self._read(COMPARISON), Comparison, "comparison", COMPARISON_SCHEMA, name)

    def save_summary(self, summary: RunSummary) -> None:
        """Write summary.json, for histories. Raises as `save` does."""
        data = _encoded(summary, str(self.folder / SUMMARY))
        check_encoded(data, f"summary-{SUMMARY_SCHEMA}.json", str(self.folder / SUMMARY))
        self._write(SUMMARY, data)

    def save_report(self, text: str) -> None:
        """Write report.txt. Raises RecordNotSaved."""
        self._write(REPORT, text.encode("utf-8"))

    def add_raw(self, name: str, data: bytes) -> str:
        """Keep a raw file under `name` (relative, with "/") and return its SHA-256 for the record.

        Raises RecordNotSaved.
        """
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
            raise ValueError(f"not a name inside the run folder: {name}")
        self._write(name, data)
        return hashlib.sha256(data).hexdigest()

    def load(self) -> Record:
        """The record, checked, with every launch in it.

        Raises SchemaUnknown, RecordDamaged: also where its fields contradict each other.
        """
        record = self._decoded()
        filed: list[Launch] = []
        for one in record.launch_files:
            data = self._read_raw(one.file, one.sha256)
            with self._of_this_version():
                launches = decode_launches(data, str(self.folder / one.file))
            if len(launches) != one.count:
                raise damaged(str(self.folder / one.file), f"holds {len(launches)} launches, not {one.count}")
            filed += launches
        whole = dataclasses.replace(record, launches=(*filed, *record.launches), launch_files=())
        check_record(whole, str(self.folder / RECORD))
        return whole

    def _decoded(self) -> Record:
        with self._of_this_version():
            return decode_record(self._read(RECORD), str(self.folder / RECORD))

    @contextmanager
    def _of_this_version(self) -> Iterator[None]:
        """Within it, the error of another version's file says what is still to be had of this run."""
        try:
            yield
        except SchemaUnknown as err:
            judge = "To judge it, use the version that wrote it, or run again."
            if (self.folder / REPORT).is_file():
                read = f"mobilebert-bench report {shlex.quote(str(self.folder))}"
                judge = f"Its {REPORT} still reads: {read}. {judge}"
            err.next_step = judge
            raise

    def load_samples(self, record: Record) -> dict[str, LaunchSamples]:
        """Every launch's samples, by `Launch.samples_file`; none of a program that keeps only a summary.

        Raises RecordDamaged: a file is missing, changed (SHA-256), or torn.
        """
        held: dict[str, LaunchSamples] = {}
        tokens = read_files(sorted(self.folder.glob("timed*.seq")))
        for launch in record.launches:
            data = self._read_raw(launch.samples_file, launch.samples_sha256)
            if launch.summary is None:
                held[launch.samples_file] = with_tokens(read_samples(data, launch.samples_file), tokens)
        return held

    def load_predictions(self, record: Record) -> dict[str, Predictions]:
        """This host's predictions by recipe; the device's and other runtimes' by their `predictions_file`.

        Raises RecordDamaged as `load_samples` does.
        """
        held = {one.recipe: self._predictions(one) for one in record.accuracies}
        named: tuple[_Named, ...] = (*record.device_accuracies, *record.runtime_accuracies)
        return held | {one.predictions_file: self._predictions(one) for one in named}

    def _predictions(self, of: Accuracy | _Named) -> Predictions:
        return read_predictions(
            self._read_raw(of.predictions_file, of.predictions_sha256), of.predictions_file
        )

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as err:
            raise damaged(str(self.folder / name), f"cannot be read: {err.strerror}") from err

    def _read_raw(self, name: str, sha256: str) -> bytes:
        data = self._read(name)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise damaged(str(self.folder / name), "is not the file that was recorded (SHA-256 differs)")
        return data

    def _write(self, name: str, data: bytes) -> None:
        target = self.folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, data)
        except OSError as err:
            raise _not_saved(target, err) from err


def _encoded(value: Record | Launches | Verdict | Comparison | RunSummary, name: str) -> bytes:
    try:
        return encode(value)
    except ValueError as err:
        raise damaged(name, f"holds a number that is not finite: {err}") from err


def _not_saved(target: Path, err: OSError) -> RecordNotSaved:
    return RecordNotSaved(
        f"{target} could not be written: {err.strerror or err}. What was there before is intact.",
        next_step="Make room there, or let it be written to; then resume the run, or run anew with another "
        "--output.",
        path=str(target),
        errno=err.errno,
    )
