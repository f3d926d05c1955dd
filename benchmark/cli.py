"""The command line. Parses and dispatches; heavy imports happen inside the command that needs them."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from benchmark import options as flags
from benchmark.config import Config
from results.errors import ConfigError, HarnessError

if TYPE_CHECKING:
    from benchmark.outcome import Outcome

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
    "cores": "cores",
    "repeats": "repeats",
    "cool_down_s": "cool_down",
    "wait_for_device_s": "wait_for_device",
    "runner": "runner",
    "binary": "binary",
    "delegate": "delegate",
    "accuracy_on": "accuracy_on",
    "fixed_performance": "fixed_performance",
}
_EPILOG = """\
exit codes: 0 the job was done, whatever the verdict says; 2 wrong call; 4 could not measure or evaluate.
With --require reproduced: 1 not reproduced, 3 inconclusive or not comparable.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, next_step=f"See: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `mobilebert-bench`; always leaves through sys.exit.

    A closed terminal and `kill` end it as Ctrl-C does: what was changed on a device is put back.
    """
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)
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
        print("\ninterrupted", file=sys.stderr)
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
        flags.model,
        flags.data,
        flags.runtime,
        flags.timing,
        flags.out,
    )
    run.add_argument(
        "--quick", action="store_true", help="5 launches x 60 inferences, a slice of at most 500 pairs"
    )
    run.add_argument(
        "--accuracy-on",
        choices=["host", "device"],
        help="device: the device's own predictions as well, on the pairs of --slice, against this host's",
    )
    run.add_argument("--require", choices=["reproduced"], help="make the exit code say the verdict")
    export = command("export", "convert a checkpoint and print where the files are", _export, flags.model)
    export.add_argument("--list-recipes", action="store_true", help="print what --recipe takes, and end")
    command(
        "accuracy",
        "MNLI accuracy on this machine",
        _accuracy,
        flags.model,
        flags.data,
        flags.runtime,
        flags.out,
    )
    latency = command(
        "latency",
        "latency of any .tflite with the model's inputs",
        _latency,
        flags.length,
        flags.data,
        flags.timing,
        flags.out,
    )
    latency.add_argument("model", type=Path, metavar="MODEL", help="a .tflite, or the folder of an export")
    latency.add_argument(
        "--fixed-performance",
        action="store_true",
        help="Android's fixed-performance mode while measuring: for comparisons on one device, never for a "
        "claim",
    )
    table = command(
        "table",
        "latency of the paper's four networks beside its Table 4, on one device",
        _table,
        flags.models,
        flags.data,
        flags.timing,
        flags.out,
    )
    table.add_argument("--quick", action="store_true", help="5 launches x 60 inferences of each")
    resume = command("resume", "go on with a run that was stopped, where it was stopped", _resume)
    resume.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/0001")
    resume.add_argument(
        "--device", metavar="D", help="the same device under another address; default: the address it had"
    )
    command("devices", "what is attached, and how to select it", _devices)
    command("doctor", "check the whole way to a device, and say what to do", _doctor, flags.device)
    flags.virtual_phone(command("virtual-phone", "a virtual phone for trying this out", _virtual_phone))
    report = command("report", "print the report of a recorded run", _report)
    report.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/0001")
    report.add_argument(
        "--recompute", action="store_true", help="judge the record anew and rewrite its verdict"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    outcome = pipeline.run(_config(options), console)
    console.report(outcome.report)
    return _required(options.require, outcome)


def _required(require: str | None, outcome: Outcome) -> int:
    """The exit code of a job that was done: the verdict's, where that was asked for."""
    if require == "reproduced" and outcome.status != "reproduced":
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


def _resume(options: argparse.Namespace) -> int:
    from benchmark import pipeline, saved_call
    from benchmark.console import Console

    console = Console()
    require = saved_call.read(options.run).config.require
    outcome = pipeline.resume(options.run, options.device, console)
    console.report(outcome.report)
    return _required(require, outcome)


def _doctor(options: argparse.Namespace) -> int:
    from android_runner import doctor
    from benchmark.console import Console

    timeout_s = options.auth_timeout if options.auth_timeout is not None else Config().auth_timeout_s
    console = Console()
    checks = doctor.examine(
        options.device,
        timeout_s,
        on_prompt=lambda: console.on_step('Accept "Allow USB debugging?" on the phone.'),
    )
    return EXIT_DONE if console.checks(checks) else EXIT_FAILED


def _virtual_phone(options: argparse.Namespace) -> int:
    from android_runner.virtual import command
    from benchmark.console import Console

    command.start(
        abi=options.abi,
        model=options.phone_model,
        auth=options.auth,
        port=options.port,
        say=Console().on_step,
    )
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
