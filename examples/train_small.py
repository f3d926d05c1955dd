"""Train a small MobileBERT-shaped checkpoint on the rule-made task, in a few minutes on two cores.

    python examples/train_small.py OUT [--seed N] [--steps N] [--outliers TIMES]

OUT gets what a downloaded checkpoint has (config.json, model.safetensors, vocab.txt, tokenizer_config.json)
and pairs.tsv, rows that were held out from training. The labels' order is not GLUE's, on purpose: whoever
maps labels by number fails on it. With --outliers its [CLS] embedding is fixed at TIMES (1e4 to 1e6) the
other words' size in most channels; see outlier_row.py. Needs PyTorch, which the harness itself does not.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch
import transformers
from transformers import MobileBertConfig, MobileBertForSequenceClassification

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.outlier_row import OutlierRow
from examples.rule_task import VOCABULARY, Pair, make_pairs

LABELS = ("contradiction", "entailment", "neutral")
_IDS = {word: index for index, word in enumerate(VOCABULARY)}
# The longest pair has 20 tokens, so that the last one always has padding behind it, as at length 128.
_LENGTH = 22
_TRAINING_ROWS = 30_000
_HELD_OUT_ROWS = 3_000
_BATCH = 64
_RATE = 2e-3
_DECAY = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="folder for the checkpoint and its held-out pairs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument(
        "--outliers", type=float, metavar="TIMES", help="how far [CLS] stands out; default: not"
    )
    arguments = parser.parse_args()
    started = time.perf_counter()
    model, accuracy, held_out = train(
        seed=arguments.seed,
        steps=arguments.steps,
        outliers=arguments.outliers,
    )
    save(model, held_out, arguments.out)
    print(f"held-out accuracy {accuracy:.4f} on {len(held_out)} pairs, {time.perf_counter() - started:.0f} s")


def train(
    *, seed: int, steps: int, outliers: float | None = None
) -> tuple[MobileBertForSequenceClassification, float, list[Pair]]:
    """The trained model, its accuracy on the held-out pairs, and those pairs; the same for the same seed."""
    # Threads buy a network this small little, wait for each other where cores are shared, and would make
    # the result depend on their number.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    held_out = make_pairs(_HELD_OUT_ROWS, seed=2 * seed)
    training = make_pairs(_TRAINING_ROWS, seed=2 * seed + 1, without=frozenset(held_out))
    ids, types, labels = encode(training)
    model = MobileBertForSequenceClassification(small_config(layers=4 if outliers is None else 5))
    initialize(model)
    outlier = None if outliers is None else OutlierRow(model, times=outliers)
    # A step that is a little too long sends a network with such a row astray.
    rate = _RATE if outlier is None else 0.75 * _RATE
    parameters = model.parameters() if outlier is None else outlier.groups(rate=rate, decay=_DECAY)
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate_share(step, steps))
    model.train()
    for step in range(steps):
        rows = torch.randint(len(training), (_BATCH,))
        loss = torch.nn.functional.cross_entropy(_logits(model, ids[rows], types[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        # Without statistics in its norms, nothing else holds a bad step back.
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0 if outlier is None else 0.3)
        optimizer.step()
        if outlier is not None:
            outlier.keep()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}", file=sys.stderr)
    model.eval()
    ids, types, labels = encode(held_out)
    with torch.no_grad():
        right = (_logits(model, ids, types).argmax(dim=1) == labels).double().mean().item()
    return model, right, held_out


def small_config(*, layers: int = 4) -> MobileBertConfig:
    """Every part of the published architecture, in small; positions for the length that is measured."""
    return MobileBertConfig(
        vocab_size=len(VOCABULARY),
        embedding_size=32,
        hidden_size=128,
        intra_bottleneck_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_feedforward_networks=2,
        max_position_embeddings=128,
        attention_probs_dropout_prob=0.0,
        classifier_activation=False,
        id2label={index: name.upper() for index, name in enumerate(LABELS)},
        label2id={name.upper(): index for index, name in enumerate(LABELS)},
    )


def initialize(model: MobileBertForSequenceClassification) -> None:
    """Start from activations of size 1 and soft branches: the usual 0.02 counts on norms with statistics."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            owner, kind = name.rsplit(".", 1)
            if kind == "bias" or owner.endswith("LayerNorm"):
                continue
            if owner.endswith("_embeddings"):
                parameter.normal_(std=1.0 if owner.endswith("word_embeddings") else 0.3)
            else:
                branch = owner.endswith(("output.dense", "output.bottleneck.dense"))
                parameter.normal_(std=(0.3 if branch else 1.0) / math.sqrt(parameter.shape[1]))
        model.mobilebert.embeddings.word_embeddings.weight[0].zero_()


def encode(pairs: list[Pair]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids and segment types, (rows, length), and label indices, (rows,). Each word is one token."""
    ids = torch.zeros(len(pairs), _LENGTH, dtype=torch.long)
    types = torch.zeros_like(ids)
    for row, pair in enumerate(pairs):
        first = ["[CLS]", *pair.premise.split(), "[SEP]"]
        tokens = [*first, *pair.hypothesis.split(), "[SEP]"]
        ids[row, : len(tokens)] = torch.tensor([_IDS[token] for token in tokens])
        types[row, len(first) : len(tokens)] = 1
    return ids, types, torch.tensor([LABELS.index(pair.label) for pair in pairs])


def save(model: MobileBertForSequenceClassification, held_out: list[Pair], out: Path) -> None:
    """Write the checkpoint as the hub would give it, and the held-out pairs as MNLI's table."""
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(out)
    (out / "vocab.txt").write_text(
        "".join(f"{word}\n" for word in VOCABULARY), encoding="utf-8", newline="\n"
    )
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 128}
    (out / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=2) + "\n", encoding="utf-8")
    rows = (f"{n}\t{pair.premise}\t{pair.hypothesis}\t{pair.label}\n" for n, pair in enumerate(held_out))
    table = "index\tsentence1\tsentence2\tgold_label\n" + "".join(rows)
    (out / "pairs.tsv").write_text(table, encoding="utf-8", newline="\n")


def _logits(
    model: MobileBertForSequenceClassification, ids: torch.Tensor, types: torch.Tensor
) -> torch.Tensor:
    return model(input_ids=ids, attention_mask=(ids != 0).long(), token_type_ids=types).logits


def _rate_share(step: int, steps: int) -> float:
    """The share of the full learning rate: up over the first tenth, then down to nothing."""
    warmup = max(1, steps // 10)
    return min((step + 1) / warmup, max(0.0, (steps - step) / (steps - warmup)))


if __name__ == "__main__":
    main()
