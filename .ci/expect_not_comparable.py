"""Whether a run ended as one on an emulator has to: everything ran there, and its latency is no phone's."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def main() -> None:
    """Print what was found and end with 0, or with 1 and what is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the run folder")
    parser.add_argument("--reason", required=True, help="why the latency claim is not comparable")
    parser.add_argument("--rows", type=int, required=True, help="pairs that the device evaluated itself")
    asked = parser.parse_args()
    record, verdict = (
        json.loads((asked.run / name).read_text(encoding="utf-8")) for name in ("record.json", "verdict.json")
    )
    wrong = list(faults(record, verdict, reason=asked.reason, rows=asked.rows))
    if wrong:
        raise SystemExit("\n".join(f"not as expected: {fault}" for fault in wrong))
    print(f"As expected: parity passed, {_launches(record)} launches, {asked.rows} pairs on the device,")
    print(f"and a latency that is not_comparable: {asked.reason}.")


def faults(record: dict[str, Any], verdict: dict[str, Any], *, reason: str, rows: int) -> list[str]:
    """What differs, one sentence each."""
    recipe = record["settings"]["recipes"][0]
    latency = next(claim for claim in verdict["claims"] if claim["id"] == "latency")
    found = []
    if latency["status"] != "not_comparable":
        found.append(f"the latency claim is {latency['status']}")
    if not any(text.startswith(f"{reason}:") for text in latency["reasons"]):
        found.append(f"its reasons do not name {reason}: {'; '.join(latency['reasons'])}")
    found += [f"parity {one['status']} of {one['recipe']}" for one in record["parities"] if not _passed(one)]
    if not record["parities"]:
        found.append("no device parity was checked")
    if _launches(record) < record["settings"]["launches"]:
        found.append(f"{_launches(record)} launches")
    ours = [one for one in record["device_accuracies"] if one["recipe"] == recipe]
    if [one["rows"] for one in ours] != [rows]:
        found.append(f"{recipe} on the device: {[one['rows'] for one in ours]} pairs, not {rows}")
    for one in ours:
        differing = one["rows"] - one["agreeing"]
        if differing > 0.02 * one["rows"]:
            found.append(f"{differing} of {one['rows']} predictions of {recipe} differ from this host's")
    return found


def _launches(record: dict[str, Any]) -> int:
    filed = sum(one["count"] for one in record["launch_files"])
    return filed + len(record["launches"])


def _passed(parity: dict[str, Any]) -> bool:
    return bool(parity["status"] == "passed")


if __name__ == "__main__":
    main()
