"""What every refusal looks like to its user."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from results.store import RunStore

ERROR = re.compile(
    r"^error: (?P<slug>[a-z-]+)\n  what   (?P<what>.+)\n(?:  kept   .+\n)?  next   .+\n\Z", re.M
)
Refused = Callable[..., str]


def check_error(stderr: str, exit_code: int, slug: str, *words: str) -> str:
    """One error in the three-part form, of this class, whose first part holds these words; nothing torn."""
    assert "Traceback" not in stderr
    found = ERROR.search(stderr)
    assert found, stderr
    assert len(re.findall("^error: ", stderr, re.M)) == 1, stderr
    assert (exit_code, found["slug"]) == (2 if slug == "config" else 4, slug), stderr
    for word in words:
        assert word in found["what"]
    assert not list(Path().rglob("*.part"))
    for record in Path().rglob("record.json"):
        assert RunStore.open(record.parent).load().ended_at is None
    return found["what"]
