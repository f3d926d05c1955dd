"""The steps that only the command `table` has: which of the paper's networks, and their files."""

from __future__ import annotations

from benchmark import steps
from benchmark.config import REFERENCE_RECIPE, Config
from benchmark.journal import Journal
from benchmark.listener import Listener
from export import seeded
from export.artifact import ArtifactFiles
from export.checkpoint import Checkpoint, open_seeded
from results.errors import ConfigError, did_you_mean


def check_call(config: Config) -> tuple[str, ...]:
    """The models to compare, all where none is named. Raises: ConfigError for a wrong name, or only one."""
    steps.check_call(config)
    known = tuple(seeded.MODELS)
    models = known if config.models is None else config.models
    for name in models:
        if name not in known:
            raise ConfigError(
                f'There is no model "{name}".{did_you_mean(name, known)}',
                next_step=f"Choose from: {', '.join(known)}.",
                model=name,
            )
    if len(models) < 2 or len(set(models)) != len(models):
        raise ConfigError(
            f"--models {','.join(models)} does not name two different models or more",
            next_step=f"A table compares models: choose from {', '.join(known)}.",
        )
    return models


def open_weights(model: str, listener: Listener) -> Checkpoint:
    """Seeded weights of one model: latency does not depend on their values, and only one was released."""
    listener.on_step(f"Drawing seeded weights for {model}.")
    return open_seeded(model)


def export_models(
    config: Config, models: tuple[str, ...], journal: Journal, listener: Listener
) -> tuple[ArtifactFiles, ...]:
    """The recipes asked for of every model, and float32, by which device parity judges the others.

    One model's weights are let go before the next one's are drawn: together they take 1 GB.
    """
    wanted = tuple(dict.fromkeys((*config.recipes, REFERENCE_RECIPE)))
    made: list[ArtifactFiles] = []
    for model in models:
        made += steps.export_recipes(config, wanted, open_weights(model, listener), listener)
    journal.fix("models", artifacts=tuple(files.artifact for files in made))
    steps.note_warnings(made, journal)
    return tuple(made)
