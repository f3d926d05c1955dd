"""What must be the same on every worker of a cluster as here, so that its predictions are those of here."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.workers.job import Job
from export.runtimes import version_of
from results.errors import ConfigError, HarnessError

if TYPE_CHECKING:
    from distributed import Client

_OURS = "mobilebert-bench"
_SHOWN = 3


def refuse_unfit(client: Client, job: Job) -> None:
    """Refuse workers that lack what the job needs, or have another version of it; each is named.

    A worker without this project is asked all the same: by functions of Python's own library. Raises:
    ConfigError.
    """
    faults: dict[str, str] = {}
    python = platform.python_version_tuple()[:2]
    _ask(client, faults, "Python", ".".join(python), platform.python_version, same=_minor)
    for name in (_OURS, "numpy"):
        _ask(client, faults, name, importlib.metadata.version(name), importlib.metadata.version, name)
    if not faults:
        _ask(client, faults, job.runtime, job.version, version_of, job.runtime)
    if faults:
        shown = [f"{worker} {fault}" for worker, fault in list(faults.items())[:_SHOWN]]
        more = f", and {len(faults) - _SHOWN} more workers" if len(faults) > _SHOWN else ""
        raise _unfit("; ".join(shown) + more)


def refuse_unfit_here(job: Job, ours: str, numpy: str, worker: str) -> None:
    """The same on a worker, for one that joined later. Raises: ConfigError."""
    found = _versions(job.runtime)
    wanted = {_OURS: ours, "numpy": numpy, job.runtime: job.version}
    for name, version in wanted.items():
        if found[name] != version:
            raise _unfit(f"{worker} {_differs(name, found[name], version)}")


def _ask(
    client: Client,
    faults: dict[str, str],
    name: str,
    wanted: str,
    ask: Callable[..., str],
    *arguments: str,
    same: Callable[[str], str] = str,
) -> None:
    """Add the fault of each worker that has none yet."""
    said: Mapping[str, object] = client.run(ask, *arguments, on_error="return")
    for worker, found in sorted(said.items()):
        if isinstance(found, (ImportError, HarnessError)):
            faults.setdefault(worker, f"has no {name}")
        elif isinstance(found, str) and same(found) != wanted:
            faults.setdefault(worker, _differs(name, found, wanted))
        # Anything else is a worker that went away while it was asked; its tasks go to others.


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _differs(name: str, found: str | None, wanted: str) -> str:
    return f"has no {name}" if found is None else f"has {name} {found}, and here it is {wanted}"


@functools.cache
def _versions(runtime: str) -> dict[str, str | None]:
    asked: Sequence[tuple[str, Callable[[str], str]]] = (
        (_OURS, importlib.metadata.version),
        ("numpy", importlib.metadata.version),
        (runtime, version_of),
    )
    found: dict[str, str | None] = {}
    for name, ask in asked:
        try:
            found[name] = ask(name)
        except (ImportError, HarnessError):
            found[name] = None
    return found


def _unfit(what: str) -> ConfigError:
    return ConfigError(
        f"Workers of the cluster that do not compute what this machine would: {what}.",
        next_step='Install the same there (pip install "mobilebert-bench[cluster]", by the same lock file), '
        "or take those workers out of the cluster; then resume the run.",
    )
