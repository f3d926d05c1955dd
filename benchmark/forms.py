"""Reports in the forms of other tools and readers: to stdout, to a file, or into a run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from results.errors import ConfigError, FormUnavailable, HarnessError, OutputNotWritten
from results.report.forms.by_name import FORMS, OF_VIEWS, Texts, form_named, made

if TYPE_CHECKING:
    from benchmark.console import Console
    from benchmark.listener import Listener
    from results.report.model import View

STDOUT = "-"
_STREAMS = frozenset({Path("/dev"), Path("/proc")})  # where what is redirected may look like a file


def add(folder: Path, names: Sequence[str], listener: Listener) -> None:
    """Write forms of a run that was just made into its folder.

    What cannot be made or written is a note: the run is done, and is not lost for it.
    """
    from results.store import RunStore
    from results.written import run_forms

    if not names:
        return
    try:
        store = RunStore.open(folder)
        for name, texts in run_forms(store, [FORMS[name] for name in names]).items():
            if isinstance(texts, FormUnavailable):
                listener.on_doubt(f"no {name}: {texts.what}")
                continue
            for file, text in texts.items():
                store.add_raw(file, text.encode())
    except HarnessError as err:
        listener.on_doubt(f"{', '.join(names)}: {err.what}")


def report(folder: Path, name: str, to: str | None, console: Console) -> None:
    """One form of a recorded run; printed are those for readers, the others go into the run's folder.

    Raises ConfigError, FormUnavailable, SchemaUnknown, RecordDamaged, RecordNotSaved, OutputNotWritten.
    """
    from results.store import RunStore
    from results.written import run_forms

    form = form_named(name)
    store = RunStore.open(folder)
    texts = run_forms(store, (form,))[name]
    if isinstance(texts, FormUnavailable):
        raise texts
    if to is None and not form.printed:
        for file, text in texts.items():
            store.add_raw(file, text.encode())
            console.report(str(folder / file))
    elif to is None or to == STDOUT:
        console.exactly(_only(name, texts))
    else:
        for path in _write(name, texts, Path(to)):
            console.report(str(path))


def check_of_run(name: str | None, to: str | None) -> None:
    """Refuse a form of a run before it is read. Raises ConfigError."""
    check(name, to, tuple(FORMS))


def check(name: str | None, to: str | None, known: tuple[str, ...] = OF_VIEWS) -> None:
    """Refuse a form before the work for it begins. Raises ConfigError."""
    if name is not None:
        form_named(name, known)
    elif to is not None:
        raise ConfigError("--to says where, and no --format says what", next_step="Give --format as well.")


def send(view: View, name: str | None, to: str | None, console: Console) -> None:
    """A report of no run folder: shown, or printed in one form; with a file, both.

    Raises ConfigError, FormUnavailable, OutputNotWritten.
    """
    if name is None:
        console.show(view)
        return
    texts = made(form_named(name, OF_VIEWS), view)
    if to is None or to == STDOUT:
        console.exactly(_only(name, texts))
        return
    console.show(view)
    for path in _write(name, texts, Path(to)):
        console.on_step(f"written: {path}")


def _only(name: str, texts: Texts) -> str:
    """The one text of a form. Raises ConfigError where it has two."""
    if len(texts) == 1:
        return next(iter(texts.values()))
    raise ConfigError(
        f"{name} is {len(texts)} files ({', '.join(texts)}), and --to names one",
        next_step="Give --to a folder, or leave it out: they are then written into the run's folder.",
    )


def _write(name: str, texts: Texts, to: Path) -> list[Path]:
    """Where the texts are now: in a folder under their own names, else under that of `to`."""
    paths = [to / file for file in texts] if to.is_dir() else [to]
    if len(paths) != len(texts):
        _only(name, texts)
    for path, text in zip(paths, texts.values(), strict=True):
        try:
            _put(path, text.encode())
        except OSError as err:
            raise OutputNotWritten(
                f"{path} could not be written: {err.strerror or err}.",
                next_step="Give --to a file in a folder that is there and has room.",
                path=str(path),
            ) from err
    return paths


def _put(path: Path, data: bytes) -> None:
    """Whole or not at all; into what is no file of its own, such as a pipe or /dev/stdout, as it comes.

    Raises OSError.
    """
    from results.whole_file import write_whole

    if _STREAMS.intersection(path.absolute().parents) or (path.exists() and not path.is_file()):
        path.write_bytes(data)
    else:
        write_whole(path, data)
