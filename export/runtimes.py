"""The runtimes by name: which there are, whether they are installed, and what each cannot run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys

from export.recipes import RECIPES
from results.errors import ConfigError, did_you_mean

# The module of each. All but torch run a .tflite; torch runs the weights that it was made of.
RUNTIMES: dict[str, str] = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow",
    "torch": "torch",
}
# Where a distribution has another name than its runtime; the first that is installed.
_DISTRIBUTIONS = {"tensorflow": ("tensorflow-cpu", "tensorflow", "tensorflow-intel")}
_WITHOUT_FILE = "torch"
# What tflite-runtime 2.14 lacks, by whether a recipe has scales per channel.
_NEEDS = {True: "a scale per channel", False: "float16 weights that signatures share"}


def refuse_unfit(runtime: str, recipe: str | None) -> None:
    """Raise ConfigError for a runtime that is unknown, or that cannot run the files of `recipe`."""
    refuse_unknown(runtime)
    why = unfit(runtime, recipe)
    if why is None:
        return
    able = ", ".join(name for name in RECIPES if unfit(runtime, name) is None)
    raise ConfigError(
        f"{why}.",
        next_step=f"Use --runtime ai-edge-litert, or one of the recipes {able}.",
        runtime=runtime,
        recipe=recipe,
    )


def refuse_unknown(runtime: str) -> None:
    """Raise ConfigError for a name that is no runtime's."""
    if runtime not in RUNTIMES:
        raise ConfigError(
            f'There is no runtime "{runtime}".{did_you_mean(runtime, RUNTIMES)}',
            next_step=f"Choose one of: {', '.join(RUNTIMES)}.",
            runtime=runtime,
        )


def refuse_absent(runtime: str) -> None:
    """Raise ConfigError for a known runtime that is not installed; nothing is imported."""
    names = (RUNTIMES[runtime].partition(".")[0],)
    for name in (*names, "transformers") if runtime == _WITHOUT_FILE else names:
        if importlib.util.find_spec(name) is None:
            raise absent(runtime, f"there is no module {name}")


def absent(runtime: str, why: str) -> ConfigError:
    """The error for a runtime that cannot be imported."""
    here = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    last = " The last tflite-runtime is for Python 3.11." if runtime == "tflite-runtime" else ""
    next_step = "Use --runtime ai-edge-litert, or set the environment up again from its lock file."
    if runtime == _WITHOUT_FILE:
        next_step = "Install PyTorch (pip install torch), or leave torch out of --runtime."
    return ConfigError(
        f"{runtime} is not installed under {here}: {why}.{last}", next_step=next_step, runtime=runtime
    )


def refuse_first(runtime: str) -> None:
    """Raise ConfigError for a runtime that does not run the exported file, so that it cannot be the one
    by which recipes are judged."""
    if runtime == _WITHOUT_FILE:
        raise ConfigError(
            "torch runs the checkpoint's weights and not what was exported, so it cannot be the runtime that "
            "counts.",
            next_step="Name it after another one: --runtime ai-edge-litert,torch",
            runtime=runtime,
        )


def unfit(runtime: str, recipe: str | None) -> str | None:
    """Why a known runtime cannot run the files of a recipe, as a sentence without its stop; else None."""
    known = RECIPES.get(recipe or "")
    if known is None:
        return None
    if runtime == "tflite-runtime" and not known.tflite_runtime:
        return f"tflite-runtime is older than what the recipe {recipe} needs: {_NEEDS[known.per_channel]}"
    if runtime == _WITHOUT_FILE and known.precision != "float32":
        return f"torch runs the checkpoint's own float32 weights, which the recipe {recipe} does not keep"
    return None


def version_of(runtime: str) -> str:
    """The version of a runtime that is installed. Raises: ConfigError where it is not."""
    for name in _DISTRIBUTIONS.get(runtime, (runtime,)):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise absent(runtime, "no package has it")
