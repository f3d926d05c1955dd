"""Which of the series that changed are accepted: those that someone names, and no other beside them."""

from __future__ import annotations

from collections.abc import Sequence

from results.errors import ConfigError, did_you_mean
from results.history.key import labels
from results.history.series import RunSeries

ALL = "all"
_LISTED = 10  # of many names


def chosen(series: Sequence[RunSeries], wanted: Sequence[str]) -> tuple[RunSeries, ...]:
    """The series that changed and are wanted. `wanted`: names, parts of names, or "all"; none: the only one.

    Raises ConfigError: several changed and none is named, or a name fits none of them or more than one.
    """
    names, _ = labels([one.key for one in series], [one.device for one in series])
    changed = [(one, name) for one, name in zip(series, names, strict=True) if one.changed]
    if ALL in wanted or (len(changed) <= 1 and not wanted):
        return tuple(one for one, _ in changed)
    if not wanted:
        raise ConfigError(
            f"{len(changed)} series have a new level: {_listed(changed)}",
            next_step=f"Say which are accepted: --series NAME, once or more; or --series {ALL}",
        )
    found = {one.key.digest: one for one in (_named(text, changed, names) for text in wanted)}
    return tuple(found.values())


def _named(text: str, changed: Sequence[tuple[RunSeries, str]], names: Sequence[str]) -> RunSeries:
    """The one that is called so, or else whose name or label holds these words."""
    asked = text.casefold().strip()
    exact = [(one, name) for one, name in changed if asked in (name.casefold(), one.label.casefold())]
    fitting = exact or [
        (one, name)
        for one, name in changed
        if asked and (asked in name.casefold() or asked in one.label.casefold())
    ]
    if len(fitting) == 1:
        return fitting[0][0]
    if fitting:
        raise ConfigError(
            f'--series "{text}" fits {len(fitting)} series that have a new level: {_listed(fitting)}',
            next_step="Give more of the name, as it stands there.",
        )
    if any(asked and asked in name.casefold() for name in names):
        said = " What it fits has no new level."
    else:
        said = did_you_mean(text, [near for _, name in changed for near in (name.split(",")[0], name)])
    raise ConfigError(
        f'--series "{text}" is none of the series that have a new level.{said}',
        next_step=f"Give one of these: {_listed(changed)}" if changed else "Leave --acknowledge out.",
    )


def _listed(series: Sequence[tuple[RunSeries, str]]) -> str:
    more = f"; and {len(series) - _LISTED} more" if len(series) > _LISTED else ""
    return "; ".join(f'"{name}"' for _, name in series[:_LISTED]) + more
