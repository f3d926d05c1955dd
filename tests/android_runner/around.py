"""Discovery on a machine whose surroundings a test made: what it refuses, its rows, virtual phones there."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from android_runner.candidates import Candidate
from android_runner.discover import choose, list_devices
from android_runner.virtual.phone import VirtualPhone
from results.errors import HarnessError

Around = dict[str, Any]  # arguments of discovery


def register(around: Around, phone: VirtualPhone, *, pid: int | None = None) -> None:
    """As `virtual-phone start` does it."""
    entry = {"pid": os.getpid() if pid is None else pid, "selector": phone.selector}
    (around["virtual_phones"] / f"{phone.port}.json").write_text(json.dumps(entry), encoding="utf-8")


def refusal(selector: str | None, around: Around, **options: Any) -> HarnessError:  # noqa: ANN401
    with pytest.raises(HarnessError) as caught:
        choose(selector, **around, **options)
    return caught.value


def row_of_kind(around: Around, kind: str) -> Candidate:
    (row,) = (row for row in list_devices(**around) if row.kind == kind)
    return row
