"""The command line. Parses and dispatches; heavy imports happen inside the command that needs them."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmark.config import Config
from results.errors import ConfigError, HarnessError

EXIT_DONE, EXIT_NOT_REPRODUCED, EXIT_WRONG_CALL, EXIT_UNDECIDED = 0, 1, 2, 3
EXIT_FAILED, EXIT_INTERRUPTED = 4, 130
_REPORT_IT = "This is a fault of the harness. Run again with --verbose, and report what it prints."
_QUICK = {"launches": 5, "inferences": 60}
_QUICK_ROWS = 500
_FIELDS = {  # of Config, and the option that holds each
    "checkpoint": "checkpoint",
    "recipes": "recipe",
    "models": "models",
    "length": "length",
    "rewrites": "rewrites",
    "allow_undelegated": "allow_undelegated",
    "lengths": "lengths",
    "length_policy": "length_policy",
    "threads": "threads",
    "device": "device",
    "auth_timeout_s": "auth_timeout",
    "pairs": "pairs",
    "vocab": "vocab",
    "calibration": "calibration",
    "slice_rows": "slice",
    "most_rows": "most_rows",
    "launches": "launches",
    "inferences": "inferences",
    "warmup_inferences": "warmup_inferences",
    "warmup_s": "warmup_seconds",
    "runtime": "runtime",
    "output": "output",
    "seed": "seed",
    "require": "require",
}
_EPILOG = """\
exit codes: 0 the job was done, whatever the verdict says; 2 wrong call; 4 could not measure or evaluate.
With --require reproduced: 1 not reproduced, 3 inconclusive or not comparable.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, next_step=f"See: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `mobilebert-bench`; always leaves through sys.exit."""
    sys.exit(call(sys.argv[1:] if argv is None else argv))


def call(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed, never raised."""
    try:
        options = _parser().parse_args(argv)
        logging.basicConfig(
            level=logging.DEBUG if options.verbose else logging.ERROR, format="%(name)s: %(message)s"
        )
        code: int = options.command(options)
        sys.stdout.flush()  # a reader that left is noticed here, not as Python ends
    except HarnessError as err:
        from benchmark.console import Console

        Console().error(err)
        return err.exit_code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except Exception as err:  # a fault of ours: it must not end with 1, which says "not reproduced"
        logging.getLogger(__name__).debug("internal error", exc_info=True)
        what = f"{type(err).__name__}: {err}"
        print(f"error: internal\n  what   {what}\n  next   {_REPORT_IT}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is kept in the run folder", file=sys.stderr)
        return EXIT_INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mobilebert-bench",
        description="Does MobileBERT run on this device as fast as its paper says, and is it still right?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common = _Parser(add_help=False, allow_abbrev=False)
    common.add_argument("-v", "--verbose", action="store_true", help="log every device call on stderr")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, text: str, handler: object, *groups: object) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            parents=[common],
            allow_abbrev=False,
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=handler)
        for group in groups:
            group(sub)  # type: ignore[operator]
        return sub

    run = command(
        "run",
        "the whole job, down to the verdict",
        _run,
        _model,
        _data,
        _runtime,
        _timing,
        _out,
    )
    run.add_argument(
        "--quick", action="store_true", help="5 launches x 60 inferences, a slice of at most 500 pairs"
    )
    run.add_argument("--require", choices=["reproduced"], help="make the exit code say the verdict")
    export = command("export", "convert a checkpoint and print where the files are", _export, _model)
    export.add_argument("--list-recipes", action="store_true", help="print what --recipe takes, and end")
    command("accuracy", "MNLI accuracy on this machine", _accuracy, _model, _data, _runtime, _out)
    latency = command(
        "latency",
        "latency of any .tflite with the model's inputs",
        _latency,
        _length,
        _data,
        _timing,
        _out,
    )
    latency.add_argument("model", type=Path, metavar="MODEL", help="a .tflite, or the folder of an export")
    table = command(
        "table",
        "latency of the paper's four networks beside its Table 4, on one device",
        _table,
        _models,
        _data,
        _timing,
        _out,
    )
    table.add_argument("--quick", action="store_true", help="5 launches x 60 inferences of each")
    command("devices", "what is attached, and how to select it", _devices)
    report = command("report", "print the report of a recorded run", _report)
    report.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/0001")
    report.add_argument(
        "--recompute", action="store_true", help="judge the record anew and rewrite its verdict"
    )
    return parser


def _model(parser: argparse.ArgumentParser) -> None:
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
    _length(parser)


def _models(parser: argparse.ArgumentParser) -> None:
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


def _length(parser: argparse.ArgumentParser) -> None:
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
        help="fixed (default): every pair padded to --length; shortest: each pair by the shortest signature "
        "that holds it, which the paper's 62 ms are not",
    )


def _data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--pairs", type=Path, metavar="FILE", help="pairs with gold labels, TSV or parquet")
    group.add_argument("--vocab", type=Path, metavar="FILE", help="the checkpoint's vocab.txt")
    group.add_argument("--slice", type=int, metavar="N", help="a seeded, stratified choice of N pairs")
    group.add_argument("--seed", type=int, default=20260101, help="of slices and orders (default 20260101)")


def _runtime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime",
        default="ai-edge-litert",
        choices=["ai-edge-litert", "tflite-runtime"],
        help="what evaluates accuracy on this machine",
    )


def _timing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("device and timing")
    group.add_argument(
        "--device", metavar="D", help="tcp:HOST:PORT or host; default: what is attached, else host"
    )
    group.add_argument(
        "--auth-timeout", type=float, metavar="S", help="wait for Allow on the phone (default 60 s)"
    )
    group.add_argument(
        "--threads", type=int, metavar="N", help="default 4, or all cores where there are fewer"
    )
    group.add_argument("--launches", type=int, metavar="K", help="process launches per recipe (default 10)")
    group.add_argument(
        "--inferences", type=int, metavar="N", help="timed inferences per launch (default 200)"
    )
    group.add_argument("--warmup-inferences", type=int, default=20, metavar="N", help="at least (default 20)")
    group.add_argument("--warmup-seconds", type=float, default=2.0, metavar="S", help="at least (default 2)")


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("runs"), metavar="DIR", help="default: runs/")


def _run(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    outcome = pipeline.run(_config(options), console)
    console.report(outcome.report)
    if options.require == "reproduced" and outcome.status != "reproduced":
        return EXIT_NOT_REPRODUCED if outcome.status == "not_reproduced" else EXIT_UNDECIDED
    return EXIT_DONE


def _export(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    if options.list_recipes:
        from export.recipes import RECIPES

        console.recipes(tuple(RECIPES.values()))
        return EXIT_DONE
    console.artifacts(pipeline.export(_config(options), console))
    return EXIT_DONE


def _accuracy(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    console.report(pipeline.accuracy(_config(options), console).report)
    return EXIT_DONE


def _latency(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    console.report(pipeline.latency(_config(options), options.model, console).report)
    return EXIT_DONE


def _table(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    console.report(pipeline.table(_config(options), console).report)
    return EXIT_DONE


def _devices(options: argparse.Namespace) -> int:
    from android_runner.discover import list_devices
    from benchmark.console import Console

    Console().devices(list_devices())
    return EXIT_DONE


def _report(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    Console().report(pipeline.report(options.run, recompute=options.recompute))
    return EXIT_DONE


def _config(options: argparse.Namespace) -> Config:
    """Flags that were given, `--quick` where they were not; Config holds the other defaults."""
    given = vars(options)
    if given.get("quick"):
        given = given | {name: value for name, value in _QUICK.items() if given[name] is None}
        given["most_rows"] = _QUICK_ROWS
    taken = {name: given[flag] for name, flag in _FIELDS.items() if given.get(flag) is not None}
    if "lengths" in taken:
        taken["lengths"] = _lengths(taken["lengths"])
    for listed in {"recipes", "models", "rewrites"} & set(taken):
        taken[listed] = tuple(name.strip() for name in taken[listed].split(","))
    if taken.get("rewrites") == ("none",):
        taken["rewrites"] = ()
    return Config(**taken)


def _lengths(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() for word in words):
        raise ConfigError(
            f'--lengths "{text}" is not a list of whole numbers',
            next_step="Give lengths in tokens, separated by commas, such as 24,40,64,128.",
        )
    return tuple(int(word) for word in words)
