"""With what one series was timed: the whole run's settings, or those of its own arm."""

from __future__ import annotations

from dataclasses import dataclass

from results.device import Delegate, LengthPolicy, Program
from results.protocol import artifact_of
from results.record import Record
from results.series import Series, arm_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What the arms of a comparison may differ in. `model_sha256`, `program`: None where nothing says it."""

    model_sha256: str | None
    threads: int
    cores: str
    length_policy: LengthPolicy
    delegate: Delegate
    program: Program | None


def manner_of(record: Record, of: Series) -> Manner:
    """With what a series of this run was timed."""
    arm, settings = arm_of(record, of), record.settings
    if arm is not None:
        return Manner(
            model_sha256=arm.model_sha256,
            threads=arm.threads,
            cores=arm.cores,
            length_policy=arm.length_policy,
            delegate=arm.delegate,
            program=arm.program,
        )
    artifact = artifact_of(record, of.recipe, of.model)
    return Manner(
        model_sha256=None if artifact is None else artifact.model_sha256,
        threads=settings.threads,
        cores=settings.cores,
        length_policy=settings.length_policy,
        delegate=settings.delegate,
        program=record.program,
    )
