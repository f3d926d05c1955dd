"""What a job leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from results.report.model import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job leaves: `status` in its verdict's own words, `report` as in report.txt, `view` as data."""

    folder: Path
    status: str
    report: str
    view: View
