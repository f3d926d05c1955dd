"""What a job leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job leaves: its run folder, the status of its verdict (None: none was asked for), the report."""

    folder: Path
    status: str | None
    report: str
