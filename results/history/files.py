"""Which runs lie in some folders, and what of them a history can use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from results.errors import ConfigError
from results.history.summaries import Gathered, folder_of, read_summaries
from results.store import RECORD, SUMMARY

DEEPEST = 5  # folders below those that were given: deep enough for artifacts of several jobs


def gather(folders: Sequence[Path]) -> Gathered:
    """Read every run in these folders, at any depth of up to five.

    Raises:
        ConfigError: a folder is not there.
        SchemaUnknown, RecordDamaged: as `read_summaries` has it.
    """
    found = dict(sorted(one for folder in folders for one in _run_folders(folder)))
    there = [f"{path}/{SUMMARY}" for path, summarized in found.items() if summarized]
    runs, readings = read_summaries(there) if there else ([], [])
    seen: set[str] = set()
    copies, comparisons, without = [], [], []
    kept: set[str] = set()
    for run in runs:
        folder = folder_of(run.file)
        if run.record_sha256 in seen:
            copies.append(folder)
            continue
        seen.add(run.record_sha256)
        if run.compares:
            comparisons.append(folder)
        elif run.timed:
            kept.add(folder)
        else:
            without.append(folder)
    return Gathered(
        runs=len(found),
        readings=tuple(one for one in readings if one.folder in kept),
        copies=tuple(copies),
        unsummarized=tuple(path for path, summarized in found.items() if not summarized),
        comparisons=tuple(comparisons),
        without_latency=tuple(without),
    )


def _run_folders(folder: Path) -> Iterator[tuple[str, bool]]:
    """The run folders here and below, and whether each has a summary; not in hidden or linked folders."""
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is no folder", next_step="Give folders of runs, such as runs/, that are there."
        )
    yield from _below(str(folder), 0)


def _below(folder: str, depth: int) -> Iterator[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError as err:
        raise ConfigError(
            f"{folder} cannot be read: {err.strerror}", next_step="Give folders that can be read."
        ) from err
    names = {entry.name for entry in listed}
    if names & {RECORD, SUMMARY}:
        yield folder, SUMMARY in names
    elif depth < DEEPEST:
        for entry in listed:
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, depth + 1)
