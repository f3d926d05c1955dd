"""What the command `ab` compares: the text of an arm, and what it asks for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from benchmark.config import Config
from export.recipes import RECIPES
from results.arms import ArmName
from results.device import Delegate, LengthPolicy
from results.errors import ConfigError, did_you_mean

_EXAMPLE = "Such as: mobilebert-bench ab float32 dynamic_int8, or: mobilebert-bench ab threads=2 threads=4"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedArm:
    """One side, as the call asks for it. `said`: its text; `config`: the call's, with what the arm says.

    `model`: a .tflite or the folder of an export, None for the recipe in `config`. `runtime`: another
    runtime library than ours.
    """

    name: ArmName
    said: str
    config: Config
    model: Path | None = None
    runtime: Path | None = None


def read_arms(texts: tuple[str, ...], config: Config) -> tuple[AskedArm, AskedArm]:
    """Both sides; a single text stands for both, which is an A/A run. Raises ConfigError."""
    said = {"a": texts[0], "b": texts[-1]}
    first, second = (_read(name, said[name], config) for name in get_args(ArmName))
    if len(texts) > 1 and _asks(first) == _asks(second):
        raise identical(first, second)
    return first, second


def identical(first: AskedArm, second: AskedArm, why: str = "ask for the same") -> ConfigError:
    """What to say where there is nothing to compare."""
    return ConfigError(
        f'the arms "{first.said}" and "{second.said}" {why}, so there is nothing to compare.',
        next_step="Give two that differ; or, to learn how far apart equals come out on this device, one with "
        f"--aa: mobilebert-bench ab --aa {first.said}",
    )


def _asks(arm: AskedArm) -> tuple[object, ...]:
    """All that two arms can differ by. A file says its recipe itself."""
    recipes = arm.config.recipes if arm.model is None else ()
    return dataclasses.replace(arm.config, recipes=recipes or ("any",)), arm.model, arm.runtime


def _read(name: ArmName, text: str, config: Config) -> AskedArm:
    said = dict(_words(text))
    if "recipe" in said and "model" in said:
        raise _wrong(text, "names a recipe and a file", "Give one of them: a file was made by its recipe.")
    if "recipe" in said and said["recipe"] not in RECIPES:
        near = did_you_mean(said["recipe"], RECIPES)
        raise _wrong(
            text, f'names no recipe: "{said["recipe"]}".{near}', f"Choose from: {', '.join(RECIPES)}."
        )
    if not {"recipe", "model"} & said.keys() and len(config.recipes) > 1:
        raise _wrong(
            text,
            f"does not say which of --recipe {','.join(config.recipes)} it is by",
            "Give one --recipe, or name it in each arm, such as recipe=float32,threads=2.",
        )
    fields = {key.replace("-", "_"): _SETTINGS[key](text, value) for key, value in said.items()}
    model, runtime = fields.pop("model", None), fields.pop("runtime", None)
    if runtime is not None and config.runner != "mobilebert_runner":
        raise _wrong(
            text,
            "names a runtime library, and --runner benchmark_model has its own in it",
            "Leave --runner out.",
        )
    if "recipe" in fields:
        fields["recipes"] = (fields.pop("recipe"),)
    try:
        asked = dataclasses.replace(config, **fields)
    except ConfigError as err:
        raise _wrong(text, f"cannot be: {err.what}", err.next_step) from err
    return AskedArm(name=name, said=text, config=asked, model=model, runtime=runtime)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Settings and their values; what stands there without a name is a recipe or a file."""
    seen: set[str] = set()
    whole = _is_there(text)
    # A comma within a path is none between settings.
    for part in [text] if whole else re.split(r",(?=[A-Za-z_-]+=)", text):
        key, equals, value = ("", "", "") if whole else part.partition("=")
        if not equals:
            key, value = ("recipe" if part in RECIPES else "model"), part
            if not _is_there(part):
                raise _unknown(text, part)
        elif key not in _SETTINGS:
            near = did_you_mean(key, _SETTINGS)
            raise _wrong(
                text, f'sets "{key}", which no arm has.{near}', f"An arm sets: {', '.join(_SETTINGS)}."
            )
        if key in seen:
            raise _wrong(text, f"says {key} twice", "Say it once.")
        seen.add(key)
        yield key, value


def _is_there(word: str) -> bool:
    """Whether it is a recipe or a path here."""
    return word in RECIPES or (word != "" and Path(word).exists())


def _unknown(text: str, part: str) -> ConfigError:
    near = did_you_mean(part, (*RECIPES, *_SETTINGS))
    what = f'has "{part}", which is neither a recipe, a file or folder here, nor a setting.{near}'
    return _wrong(text, what, _EXAMPLE)


def _file(text: str, value: str) -> Path:
    path = Path(value).expanduser()
    if not value or not path.exists():
        raise _wrong(text, f'names "{value}", and there is no such file here', "Give a path that exists.")
    return path


def _threads(text: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise _wrong(text, f'has "{value}" for threads, which is no whole number', "Such as threads=2.")
    return int(value)


def _one_of(*words: str) -> Callable[[str, str], str]:
    def chosen(text: str, value: str) -> str:
        if value not in words:
            near = did_you_mean(value, words)
            raise _wrong(text, f'has "{value}", which is none of its values.{near}', f"Give {_or(words)}.")
        return value

    return chosen


def _as_is(_: str, value: str) -> str:
    return value


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _wrong(text: str, what: str, next_step: str) -> ConfigError:
    return ConfigError(f'the arm "{text}" {what}', next_step=next_step, arm=text)


_SETTINGS: dict[str, Callable[[str, str], Any]] = {
    "recipe": _as_is,
    "model": _file,
    "threads": _threads,
    "cores": _as_is,
    "length-policy": _one_of(*get_args(LengthPolicy)),
    "delegate": _one_of(*get_args(Delegate)),
    "runtime": _file,
}
