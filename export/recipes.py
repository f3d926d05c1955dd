"""The named ways to convert: what a name promises, and which interpreters can load the result."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from results.errors import ConfigError
from results.record import Precision

DEFAULT_RECIPE = "dynamic_int8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to convert. `per_channel`: each output channel of a dense layer has its own scale.

    `tflite_runtime`: the file loads in tflite-runtime 2.14, which knows FULLY_CONNECTED only up to the
    version before per-channel dense layers.
    """

    name: str
    precision: Precision
    per_channel: bool
    tflite_runtime: bool
    summary: str


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="float32",
            precision="float32",
            per_channel=False,
            tflite_runtime=True,
            summary="weights and arithmetic in float32",
        ),
        Recipe(
            name="dynamic_int8",
            precision="dynamic_int8",
            per_channel=True,
            tflite_runtime=False,
            summary="8-bit weights with a scale per channel, activations rounded to 8 bits as they come",
        ),
        Recipe(
            name="dynamic_int8_per_tensor",
            precision="dynamic_int8",
            per_channel=False,
            tflite_runtime=True,
            summary="as dynamic_int8 with a scale per tensor, which tflite-runtime 2.14 can load",
        ),
    )
}


def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises: ConfigError with the list, and the nearest name."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name.lower().replace("-", "_"), RECIPES, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ConfigError(
        f'There is no recipe "{name}".{hint}',
        next_step=f"Choose one of: {', '.join(RECIPES)}.",
        recipe=name,
    )
