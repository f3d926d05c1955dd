"""The named ways to convert: what a name promises, and which interpreters can load the result.

A name is the arithmetic of the dense layers (float32; float16, of weights only; dynamic_int8; static_int8)
and what differs from the whole: `_per_tensor`, one scale for a weight; `_equalized`, channels
brought to one size first, as all static ones do; `_mixed`, floats between dense layers.
"""

from __future__ import annotations

from dataclasses import dataclass

from results.errors import ConfigError, did_you_mean
from results.record import Precision

DEFAULT_RECIPE = "dynamic_int8"

# Names of export/rewrite.py, and the rewrite of export/equalize.py, which needs calibration.
EQUALIZE = "equalize"
_SHARED = ("fold_norms", "fold_score_scale", "first_token_only", "merge_query_key", "merge_readers")
# Only float32 has room for streams whose channels differ by the products of all norms before.
_FLOAT32 = (*_SHARED, "fold_residuals")
_CAREFUL = (*_SHARED, "scale_residuals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to convert.

    `weights`: of dense layers and embeddings as stored. `activations`: what a dense layer multiplies;
    `streams`: the residual sums; `attention`: scores, softmax and mixing. `per_channel`: each output channel
    of a dense layer has its own scale. `rewrites`: of the network before. `calibrated`: needs training pairs.
    `tflite_runtime`: the file runs in tflite-runtime 2.14, which knows FULLY_CONNECTED only up to the
    version before per-channel dense layers, and of float16 files with three signatures computes some wrongly.
    """

    name: str
    precision: Precision
    weights: str
    activations: str
    streams: str
    attention: str
    per_channel: bool
    rewrites: tuple[str, ...]
    calibrated: bool
    tflite_runtime: bool
    summary: str


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="float32",
            precision="float32",
            weights="float32",
            activations="float32",
            streams="float32",
            attention="float32",
            per_channel=False,
            rewrites=_FLOAT32,
            calibrated=False,
            tflite_runtime=True,
            summary="weights and arithmetic in float32",
        ),
        Recipe(
            name="float16",
            precision="float16",
            weights="float16",
            activations="float32",
            streams="float32",
            attention="float32",
            per_channel=False,
            rewrites=_CAREFUL,
            calibrated=False,
            tflite_runtime=False,
            summary="weights stored in float16, arithmetic in float32",
        ),
        Recipe(
            name="dynamic_int8",
            precision="dynamic_int8",
            weights="int8",
            activations="int8 by row",
            streams="float32",
            attention="float32",
            per_channel=True,
            rewrites=_CAREFUL,
            calibrated=False,
            tflite_runtime=False,
            summary="8-bit weights with a scale per channel, activations rounded to 8 bits as they come",
        ),
        Recipe(
            name="dynamic_int8_per_tensor",
            precision="dynamic_int8",
            weights="int8",
            activations="int8 by row",
            streams="float32",
            attention="float32",
            per_channel=False,
            rewrites=_CAREFUL,
            calibrated=False,
            tflite_runtime=True,
            summary="as dynamic_int8 with a scale per tensor, which tflite-runtime 2.14 can load",
        ),
        Recipe(
            name="dynamic_int8_equalized",
            precision="dynamic_int8",
            weights="int8",
            activations="int8 by row",
            streams="float32",
            attention="float32",
            per_channel=True,
            rewrites=(*_CAREFUL, EQUALIZE),
            calibrated=True,
            tflite_runtime=False,
            summary="as dynamic_int8, with channels of one size by ranges seen on training pairs",
        ),
        Recipe(
            name="static_int8",
            precision="static_int8",
            weights="int8",
            activations="int8",
            streams="int8",
            attention="float32",
            per_channel=True,
            rewrites=(*_CAREFUL, EQUALIZE),
            calibrated=True,
            tflite_runtime=False,
            summary="activations in 8 bits by ranges seen on training pairs, all but attention's core",
        ),
        Recipe(
            name="static_int8_mixed",
            precision="static_int8",
            weights="int8",
            activations="int8",
            streams="float32",
            attention="float32",
            per_channel=True,
            rewrites=(*_CAREFUL, EQUALIZE),
            calibrated=True,
            tflite_runtime=False,
            summary="as static_int8 in the dense layers alone; residual sums and attention in float32",
        ),
    )
}


def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises: ConfigError with the list, and the nearest name."""
    if name in RECIPES:
        return RECIPES[name]
    raise ConfigError(
        f'There is no recipe "{name}".{did_you_mean(name, RECIPES)}',
        next_step=f"Choose one of: {', '.join(RECIPES)}.",
        recipe=name,
    )
