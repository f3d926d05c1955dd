"""How errors read: one form for all, and every class drawn in the tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from results import errors
from results.errors import ConfigError, DeviceNotReady, HarnessError, NotComparable, PairsError, keeping


def classes(base: type[HarnessError] = HarnessError) -> Iterator[type[HarnessError]]:
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from classes(child)


def test_every_class_renders_in_one_form(golden: Callable[[str, str], None]) -> None:
    """Users grep for the slug and read the next step: both are part of the interface."""
    rendered = []
    for kind in sorted(classes(), key=lambda kind: kind.__name__):
        err = kind("Something happened, with names and numbers.", next_step="Do this.", path="/secret")
        rendered.append(f"{err.render()}\n  exit   {err.exit_code}\n")
    golden("errors.txt", "\n".join(rendered))


def test_what_was_kept_stands_between(golden: Callable[[str, str], None]) -> None:
    """The three parts of a message, in the order in which they matter."""
    err = DeviceNotReady(
        'adb lists a device as "offline", so nothing can run on it.', next_step="Plug it in again."
    )
    with pytest.raises(DeviceNotReady), keeping("runs/0007/record.json: model, accuracy."):
        raise err
    golden("error-kept.txt", err.render() + "\n")


def test_the_innermost_word_on_what_was_kept_wins() -> None:
    """Who is nearer to the failure knows better what is on the disk."""
    with pytest.raises(PairsError) as caught, keeping("outer"), keeping("inner"):
        raise PairsError("x", next_step="y")
    assert caught.value.kept == "inner"


def test_only_a_wrong_call_exits_2() -> None:
    """2 is the caller's fault, 3 decides nothing, 4 is everything that could not be done."""
    assert {kind: kind.exit_code for kind in classes() if kind.exit_code != 4} == {
        ConfigError: 2,
        NotComparable: 3,
    }


def test_the_tree_is_drawn_whole() -> None:
    """The docstring is what newcomers read: each class stands in it, as deep as it is."""
    assert errors.__doc__ is not None
    drawn = {
        line.split()[0]: len(line) - len(line.lstrip())
        for line in errors.__doc__.splitlines()
        if line.strip()
    }
    for kind in classes():
        assert drawn.get(kind.__name__) == 4 + 2 * kind.__mro__.index(HarnessError)
