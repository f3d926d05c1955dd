"""The checkpoint's own float32 weights in transformers' class, by PyTorch: no .tflite between.

Both packages are imported where a model is opened: PyTorch is optional, and no other runtime needs them.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from export.runtimes import absent, version_of
from results.errors import CheckpointError

if TYPE_CHECKING:
    from export.checkpoint import Checkpoint

_Native: TypeAlias = Any  # PyTorch's modules and transformers' are looked up by name

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"
# What BertConfig knows; the other sizes and switches are MobileBertConfig's alone.
_OF_BERT = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act"),
)


class TorchModel:
    """A classifier in evaluation mode that runs one sequence of any length, one thread."""

    def __init__(self, model: _Native, torch: _Native) -> None:
        self._model = model
        self._torch = torch
        self.version = version_of("torch")

    def logits(
        self, ids: NDArray[np.int32], mask: NDArray[np.int32], types: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """The logits of one sequence, float32 (labels,). `ids`, `mask`, `types`: int32 (length,), padded."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        fed = {
            name: self._torch.from_numpy(np.array(values, np.int64)[None])
            for name, values in zip(names, (ids, mask, types), strict=True)
        }
        with self._torch.inference_mode():
            return np.array(self._model(**fed).logits[0].numpy(), np.float32)


def write_for_torch(checkpoint: Checkpoint, folder: Path) -> None:
    """Write weights and config into a folder in transformers' form; seeded ones have no folder."""
    from safetensors.numpy import save_file

    config = checkpoint.config
    fields = dataclasses.asdict(config)
    family = fields.pop("family")
    del fields["labels"]
    if family == "bert":
        fields = {name: fields[name] for name in _OF_BERT}
    names = {str(index): label for index, label in enumerate(checkpoint.labels)}
    settings = {"model_type": family, "id2label": names, **fields}
    (folder / _CONFIG).write_text(json.dumps(settings), encoding="utf-8")
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in checkpoint.tensors.items()}
    save_file(contiguous, folder / _WEIGHTS)


def open_torch(folder: Path) -> TorchModel:
    """What `write_for_torch` wrote, ready to run; every tensor of the class from the file, and no other.

    Raises: ConfigError where PyTorch or transformers is missing; CheckpointError where they refuse it.
    """
    try:
        torch = importlib.import_module("torch")
        transformers = importlib.import_module("transformers")
        load = importlib.import_module("safetensors.torch").load_file
    except ImportError as err:
        raise absent("torch", str(err)) from err
    # Its threads would share the core of one worker, and spin while they wait.
    torch.set_num_threads(1)
    try:
        settings = transformers.AutoConfig.from_pretrained(folder)
        model = transformers.AutoModelForSequenceClassification.from_config(settings).eval()
        model.load_state_dict(load(folder / _WEIGHTS), strict=True)
    except (RuntimeError, ValueError, OSError, AttributeError, TypeError) as err:
        raise CheckpointError(
            f"transformers {version_of('transformers')} cannot open the weights in its own class: "
            f"{' '.join(str(err).split())[:300]}",
            next_step="Leave torch out of --runtime.",
        ) from err
    return TorchModel(model, torch)
