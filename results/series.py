"""A series: the launches of one model by one recipe, and what it is called in tables and file names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from results.arms import Arm
from results.record import Record

# The model that the claims of role "claim" are about; a run of it alone does not name it.
CLAIMED_MODEL = "mobilebert"

ParityWord = Literal["passed", "failed", "void", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One of the paper's networks, converted by one recipe. `arm`: "a" or "b" where a run compares two."""

    model: str
    recipe: str
    arm: str = ""

    @property
    def label(self) -> str:
        """What tables call it."""
        named = _named(self.model, self.recipe, " ")
        return f"{self.arm.upper()} ({named})" if self.arm else named

    @property
    def stem(self) -> str:
        """What file names call it."""
        return f"{self.arm}-" * bool(self.arm) + _named(self.model, self.recipe, "-")


def series_of(record: Record) -> tuple[Series, ...]:
    """Every series that a run was asked for: recipe by recipe, in the order of the models; or its arms."""
    if record.comparing is not None:
        return tuple(
            Series(model=arm.model, recipe=arm.recipe, arm=arm.name) for arm in record.comparing.arms
        )
    settings = record.settings
    return tuple(Series(model=m, recipe=r) for r in settings.recipes for m in settings.models)


def series(record: Record, recipe: str, model: str | None = None) -> Series:
    """One series of a run; `model` None: of the model that is judged."""
    return Series(model=judged_model(record) if model is None else model, recipe=recipe)


def arm_of(record: Record, of: Series) -> Arm | None:
    """The side of a comparison that a series is; None in a run that compares none."""
    arms = () if record.comparing is None else record.comparing.arms
    return next((arm for arm in arms if arm.name == of.arm), None)


def judged_model(record: Record) -> str:
    """The model that the claims about one model are held against."""
    models = record.settings.models
    return CLAIMED_MODEL if CLAIMED_MODEL in models else models[0]


def compares_models(record: Record) -> bool:
    """Whether the run measured several of the paper's networks."""
    return len(record.settings.models) > 1


def parity_of(record: Record, of: Series) -> ParityWord:
    """The series' device parity; one failure outweighs every pass."""
    wanted = (of.model, of.recipe, of.arm)
    words = {one.status for one in record.parities if (one.model, one.recipe, one.arm) == wanted}
    for word in ("failed", "void", "passed"):
        if word in words:
            return word
    return "missing"


def _named(model: str, recipe: str, between: str) -> str:
    return recipe if model == CLAIMED_MODEL else f"{model}{between}{recipe}"
