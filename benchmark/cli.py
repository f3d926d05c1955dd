"""The command line. Parses and dispatches; heavy imports happen inside the command that needs them."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmark import commands
from benchmark import options as flags
from benchmark.commands import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from results.errors import ConfigError, HarnessError, did_you_mean
from results.plain import log_plainly

_REPORT_IT = "This is a fault of the harness. Run again with --verbose, and report what it prints."
_EPILOG = """\
exit codes: 0 the job was done, whatever the verdict says; 2 wrong call; 4 could not measure or evaluate.
With --require, and in ab, compare and gate: 1 not reproduced, under the floor or slower, 3 inconclusive or
not comparable.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if wrong := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            known = re.findall(r"[\w-]+", wrong[2])
            message += f".{did_you_mean(wrong[1], known)}"
        raise ConfigError(message, next_step=f"See: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `mobilebert-bench`; always leaves through sys.exit.

    A closed terminal and `kill` end it as Ctrl-C does: what was changed on a device is put back.
    """
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)
    sys.exit(call(sys.argv[1:] if argv is None else argv))


_interrupts: list[int] = []


def _interrupt(number: int, frame: object) -> NoReturn:
    """Remembered, for a library that is being imported makes another error of it."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def call(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed, never raised."""
    try:
        options = _parser().parse_args(argv)
        log_plainly(logging.DEBUG if options.verbose else logging.ERROR, "%(name)s: %(message)s")
        code: int = options.command(options)
        if sys.stdout is not None:  # closed by whoever called
            sys.stdout.flush()  # a reader that left is noticed here, not as Python ends
    except HarnessError as err:
        from benchmark.console import Console

        Console().error(err)
        return err.exit_code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except Exception as err:  # a fault of ours: it must not end with 1, which says "not reproduced"
        if _interrupts:
            print("\ninterrupted", file=sys.stderr)
            return EXIT_INTERRUPTED
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
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, text: str, handler: object, *groups: object) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(
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
        commands.run,
        flags.model,
        flags.data,
        flags.evaluation,
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
    flags.undecided(run)
    export = command(
        "export",
        "convert a checkpoint and print where the files are",
        commands.export,
        flags.model,
        flags.calibration_data,
    )
    export.add_argument("--list-recipes", action="store_true", help="print what --recipe takes, and end")
    accuracy = command(
        "accuracy",
        "MNLI accuracy on this machine",
        commands.accuracy,
        flags.model,
        flags.data,
        flags.evaluation,
        flags.out,
    )
    accuracy.add_argument(
        "--require",
        choices=["floor"],
        help="make the exit code say whether each recipe keeps float32's accuracy, less 1 point: 0 kept, 1 "
        "lost, 3 not decided by so many pairs",
    )
    flags.undecided(accuracy)
    latency = command(
        "latency",
        "latency of any .tflite with the model's inputs",
        commands.latency,
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
        commands.table,
        flags.models,
        flags.data,
        flags.timing,
        flags.out,
    )
    table.add_argument("--quick", action="store_true", help="5 launches x 60 inferences of each")
    ab = command(
        "ab",
        "two files, recipes or settings against each other, interleaved on one device",
        commands.ab,
        flags.arms,
        flags.threshold,
        flags.model,
        flags.data,
        flags.timing,
        flags.out,
    )
    ab.add_argument("--quick", action="store_true", help="8 pairs of launches x 60 inferences")
    compare = command(
        "compare",
        "two recorded runs of one device against each other",
        commands.compare,
        flags.threshold,
        flags.view_form,
    )
    compare.add_argument("first", type=Path, metavar="RUN", help="the one to compare with, such as runs/0001")
    compare.add_argument("second", type=Path, metavar="RUN", help="the one in question")
    command(
        "history", "recorded runs as series, oldest first", commands.history, flags.history, flags.view_form
    )
    flags.gate(command("gate", "has a series become slower?", commands.gate, flags.history, flags.view_form))
    selftest = command(
        "selftest",
        "simulate known truths, and print how often the analysis is right",
        commands.selftest,
        flags.view_form,
    )
    selftest.add_argument("--quick", action="store_true", help="fewer simulations: seconds, wider intervals")
    selftest.add_argument("--seed", type=int, default=20260101, help="default 20260101")
    resume = command("resume", "go on with a run that was stopped, where it was stopped", commands.resume)
    resume.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/0001")
    resume.add_argument(
        "--device", metavar="D", help="the same device under another address; default: the address it had"
    )
    resume.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the Dask cluster that evaluates what is left, or none for this machine; default: as the run "
        "was called",
    )
    command("devices", "what is attached, and how to select it", commands.devices)
    command("doctor", "check the whole way to a device, and say what to do", commands.doctor, flags.device)
    flags.virtual_phone(
        command("virtual-phone", "a virtual phone for trying this out", commands.virtual_phone)
    )
    report = command(
        "report", "the report of a recorded run, printed or in another form", commands.report, flags.run_form
    )
    report.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/0001")
    report.add_argument(
        "--recompute", action="store_true", help="judge the record anew and rewrite its verdict"
    )
    return parser
