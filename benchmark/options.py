"""The command line's options, in groups that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from results.report.forms.by_name import FORMS, OF_VIEWS


def model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--checkpoint",
        metavar="NAME",
        help="a hub id, a local folder, or seeded[:SEED]; default: the hub's MNLI checkpoint, where the hub "
        "or its cache has it, else seeded",
    )
    group.add_argument(
        "--recipe",
        metavar="A[,B]",
        default="dynamic_int8",
        help="dynamic_int8 (default), float32 or another that export --list-recipes names; several are "
        "measured interleaved",
    )
    group.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="training pairs for static recipes, in the form of --pairs; never pairs that are evaluated",
    )
    group.add_argument(
        "--rewrites",
        metavar="A[,B]",
        help="exact rewrites of the network before conversion, or none; default: the recipe's own, which "
        "export --list-recipes names",
    )
    group.add_argument(
        "--allow-undelegated",
        action="store_true",
        help="export also where a dense layer or batch matmul stays outside XNNPACK",
    )
    group.add_argument(
        "--lengths",
        metavar="A[,B]",
        help="tokens of each signature in the file (default 32,48,72,128); --length is always among them",
    )
    length(parser)


def models(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models")
    group.add_argument(
        "--models",
        metavar="A,B",
        help="two or more of mobilebert, mobilebert_tiny, mobilebert_without_opt, bert_base (default: all); "
        "with seeded weights, on whose values a latency does not depend",
    )
    group.add_argument(
        "--recipe",
        metavar="A[,B]",
        default="float32",
        help="default float32, as the paper's figures seem to be",
    )
    # The paper's protocol, and nothing that the models could differ by.
    parser.set_defaults(checkpoint="seeded", lengths="128")


def length(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sequence length")
    group.add_argument(
        "--length",
        type=int,
        metavar="TOKENS",
        help="pairs are padded or cut to so many (default 128, where the file has it, else its longest)",
    )
    group.add_argument(
        "--length-policy",
        choices=["fixed", "shortest"],
        help="fixed (default, but for accuracy): every pair padded to --length; shortest: each pair by the "
        "shortest signature that holds it, which the paper's 62 ms are not",
    )


def data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    _pairs(group)
    group.add_argument("--slice", type=int, metavar="N", help="a seeded, stratified choice of N pairs")
    group.add_argument("--seed", type=int, default=20260101, help="of slices and orders (default 20260101)")


def calibration_data(parser: argparse.ArgumentParser) -> None:
    """For `export`, which reads pairs only to calibrate, and to see that no evaluated one is among them."""
    _pairs(parser.add_argument_group("data, for recipes that are calibrated"))


def _pairs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--pairs", type=Path, metavar="FILE", help="pairs with gold labels: TSV, CSV, JSON lines or parquet"
    )
    group.add_argument(
        "--pair-form",
        metavar="NAME|FILE",
        help="the table of its columns and labels: a shipped one, or a TOML file of yours (docs/pairs.md); "
        "default: the shipped one that fits",
    )
    group.add_argument(
        "--skip",
        metavar="A[,B]",
        help="rows with these faults are left out and counted, all other faults refuse the file: "
        "missing-label (default), unknown-label, empty-text, one-sided, not-utf8, malformed, duplicate-id; "
        "or none",
    )
    group.add_argument("--vocab", type=Path, metavar="FILE", help="the checkpoint's vocab.txt")


def evaluation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("accuracy on this machine")
    group.add_argument(
        "--runtime",
        default="ai-edge-litert",
        metavar="A[,B]",
        help="ai-edge-litert (default), tflite-runtime, tensorflow, or torch, which runs the weights "
        "themselves; the first one counts, others are set beside it",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes, each pinned to a core (default: one a core)"
    )
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that evaluates, such as tcp://10.0.0.7:8786"
    )
    group.add_argument(
        "--interval",
        choices=["wilson", "clopper-pearson"],
        help="of an accuracy: wilson (default), or clopper-pearson, whose coverage is guaranteed",
    )
    group.add_argument(
        "--reference-runs",
        type=Path,
        metavar="FILE",
        help="accuracies of many runs of another model on the whole matched set, TSV (run, accuracy), to be "
        "shown beside these",
    )


def device(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("device")
    group.add_argument(
        "--device",
        metavar="D",
        help="what `devices` prints: usb[:PORT], tcp:HOST:PORT, server:HOST:PORT/NAME, or host; default: the "
        "one that is attached, else host",
    )
    group.add_argument(
        "--auth-timeout", type=float, metavar="S", help="wait for Allow on the phone (default 60 s)"
    )


def timing(parser: argparse.ArgumentParser) -> None:
    device(parser)
    group = parser.add_argument_group("timing")
    group.add_argument(
        "--threads", type=int, metavar="N", help="default 4, or all cores where there are fewer"
    )
    group.add_argument("--launches", type=int, metavar="K", help="process launches per recipe (default 10)")
    group.add_argument(
        "--inferences", type=int, metavar="N", help="timed inferences per launch (default 200)"
    )
    group.add_argument("--warmup-inferences", type=int, default=20, metavar="N", help="at least (default 20)")
    group.add_argument("--warmup-seconds", type=float, default=2.0, metavar="S", help="at least (default 2)")
    group.add_argument(
        "--cores",
        metavar="C",
        help="big (default): the strongest by capacity, as many as threads; all: the device's scheduler "
        "places; or a hexadecimal mask such as f0",
    )
    group.add_argument(
        "--repeats", type=int, metavar="N", help="how often an invalid launch is repeated (default 2)"
    )
    group.add_argument(
        "--cool-down",
        type=float,
        metavar="S",
        help="the longest wait for the device to cool down before a launch (default 600 s)",
    )
    group.add_argument(
        "--wait-for-device",
        type=float,
        metavar="S",
        help="the longest wait for a device that went away (default 300 s); then: resume",
    )
    runner = parser.add_argument_group("device program")
    runner.add_argument(
        "--runner",
        choices=["mobilebert_runner", "benchmark_model"],
        help="our own (default), or Google's prebuilt benchmark_model, which keeps no raw samples",
    )
    runner.add_argument(
        "--binary",
        metavar="PATH|VERSION",
        help="of benchmark_model: a file, or a version to fetch",
    )
    runner.add_argument(
        "--delegate",
        choices=["cpu", "gpu", "nnapi"],
        help="cpu (default); the others need --runner benchmark_model",
    )


def out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("runs"), metavar="DIR", help="default: runs/")
    parser.add_argument(
        "--commit", metavar="NAME", help="of what is measured, for its history: a commit, a version"
    )
    parser.add_argument(
        "--formats",
        metavar="A[,B]",
        help="forms of the report to write into the run's folder at the end; report --help names them",
    )


def run_form(parser: argparse.ArgumentParser) -> None:
    _form(
        parser,
        f"one of {', '.join(FORMS)}; the first four are printed, the others go into the run's folder",
        "print it, or write it to this file or into this folder",
    )


def view_form(parser: argparse.ArgumentParser) -> None:
    _form(parser, f"one of {', '.join(OF_VIEWS)}; default: as is best for a reader", "write it there as well")


def _form(parser: argparse.ArgumentParser, which: str, where: str) -> None:
    group = parser.add_argument_group("form")
    group.add_argument("--format", metavar="F", help=which)
    group.add_argument("--to", metavar="FILE|-", help=where)


def arms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arms",
        nargs="+",
        metavar="ARM",
        help="A, then B: a .tflite or the folder of an export, a recipe, or settings such as threads=2, "
        "cores=all, length-policy=shortest, recipe=float32,threads=4 or runtime=PATH of another "
        "libLiteRt.so; with --aa only one",
    )
    parser.add_argument(
        "--aa", action="store_true", help="one arm against itself: how far apart equals come out here"
    )
    parser.add_argument(
        "--fixed-performance",
        action="store_true",
        help="Android's fixed-performance mode while measuring: for comparisons on one device",
    )


def threshold(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("decision")
    _threshold(group)
    group.add_argument(
        "--noise-floor",
        type=Path,
        metavar="RUN",
        help="an A/A run of this device: slower and faster have to lie beyond its noise floor as well",
    )
    undecided(group)


def undecided(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--allow-undecided", action="store_true", help="exit with 0, not 3, where nothing is decided"
    )


def _threshold(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--threshold", type=float, metavar="PERCENT", help="a smaller change does not matter (default 2)"
    )


def history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=[Path("runs")],
        metavar="DIR",
        help="folders of runs (default: runs/)",
    )
    parser.add_argument(
        "--across",
        metavar="A[,B]",
        help="what may differ within one series: model (the file's SHA-256), runtime, fingerprint; default: "
        "nothing, so that each change of them begins a new series",
    )
    parser.add_argument(
        "--levels",
        type=Path,
        metavar="FILE",
        help="acknowledged levels, a file for your repository; default: none are",
    )
    _threshold(parser)


def gate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--acknowledge",
        metavar="WHY",
        help="write the newest level of the series that changed into --levels, with this reason",
    )
    parser.add_argument(
        "--series",
        action="append",
        default=[],
        metavar="NAME",
        help="accept this series only, by its name or a part of it; once or more; all: each that changed; "
        "needed where several did",
    )
    undecided(parser)


def virtual_phone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["start"], help="it runs until Ctrl-C")
    parser.add_argument("--abi", choices=["x86_64", "arm64"], default="x86_64", help="default x86_64")
    parser.add_argument(
        "--model",
        dest="phone_model",
        choices=["pixel4", "pixel8", "emulator"],
        default="pixel4",
        help="what it says of itself (default pixel4)",
    )
    parser.add_argument("--auth", action="store_true", help="it asks whether to allow a computer's key")
    parser.add_argument("--port", type=int, default=0, help="on the loopback interface; default: a free one")
