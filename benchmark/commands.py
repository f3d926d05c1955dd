"""What each command does: its flags to a call of the pipeline, its result to the console, its exit code."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmark.config import REFERENCE_RECIPE, Config
from results.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.console import Console
    from benchmark.outcome import Outcome
    from results.report.model import View

EXIT_DONE, EXIT_NOT_REPRODUCED, EXIT_WRONG_CALL, EXIT_UNDECIDED = 0, 1, 2, 3
EXIT_FAILED, EXIT_INTERRUPTED = 4, 130
_QUICK = {"launches": 5, "inferences": 60}
_QUICK_PAIRS = {"launches": 8}  # of which 5 decide, should a few be lost
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
    "commit": "commit",
    "noise_floor": "noise_floor",
    "allow_undecided": "allow_undecided",
    "formats": "formats",
    "workers": "workers",
    "scheduler": "scheduler",
    "evaluation_policy": "evaluation_policy",
    "interval": "interval",
    "pair_form": "pair_form",
    "skip": "skip",
    "reference_runs": "reference_runs",
}


def run(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    config = _config(options)
    outcome = pipeline.run(config, console)
    _finished(config, outcome, console)
    return _required(config, outcome, console)


def _finished(config: Config, outcome: Outcome, console: Console) -> None:
    """Show what a job came to, and write it in the forms that were asked for."""
    from benchmark import forms

    console.show(outcome.view)
    forms.add(outcome.folder, config.formats, console)


def _required(config: Config, outcome: Outcome, console: Console) -> int:
    """The exit code of a job that was done: the verdict's or the floor's, where that was asked for."""
    if config.require == "floor":
        floors = [check for check in outcome.view.checks if check.group == "accuracy.floor"]
        missed = [check for check in floors if check.outcome != "passed"]
        if floors and not missed:
            return EXIT_DONE
        failed = any(check.outcome == "failed" for check in missed)
        what = "; ".join(f"{check.name}: {check.message}" for check in missed) or "no floor was judged"
    elif config.require == "reproduced" and outcome.status != "reproduced":
        failed = outcome.status == "not_reproduced"
        what = f"the verdict is {outcome.status}"
    else:
        return EXIT_DONE
    code = EXIT_NOT_REPRODUCED if failed else EXIT_DONE if config.allow_undecided else EXIT_UNDECIDED
    console.on_step(f"--require {config.require}: {what}. The exit code is {code}.")
    return code


def export(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    if options.list_recipes:
        from export.recipes import RECIPES

        console.recipes(tuple(RECIPES.values()))
        return EXIT_DONE
    console.artifacts(pipeline.export(_config(options), console))
    return EXIT_DONE


def accuracy(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    options.evaluation_policy = options.length_policy  # nothing else here has a length
    config = _config(options)
    if config.require == "floor" and set(config.recipes) == {REFERENCE_RECIPE}:
        raise ConfigError(
            f"--require floor compares recipes with {REFERENCE_RECIPE}, and no other one was asked for",
            next_step="Give another --recipe, or leave --require out.",
        )
    outcome = pipeline.accuracy(config, console)
    _finished(config, outcome, console)
    return _required(config, outcome, console)


def latency(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    config = _config(options)
    _finished(config, pipeline.latency(config, options.model, console), console)
    return EXIT_DONE


def table(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    config = _config(options)
    _finished(config, pipeline.table(config, console), console)
    return EXIT_DONE


def ab(options: argparse.Namespace) -> int:
    from benchmark import pipeline
    from benchmark.console import Console

    console = Console()
    config = _config(options)
    outcome = pipeline.ab(config, _arms(options), console)
    _finished(config, outcome, console)
    return _judged(outcome.view, allow_undecided=options.allow_undecided)


def compare(options: argparse.Namespace) -> int:
    from benchmark import forms, pipeline
    from benchmark.console import Console

    forms.check(options.format, options.to)
    view = pipeline.compare(options.first, options.second, _threshold(options), options.noise_floor)
    forms.send(view, options.format, options.to, Console())
    return _judged(view, allow_undecided=options.allow_undecided)


def history(options: argparse.Namespace) -> int:
    from benchmark import forms, pipeline
    from benchmark.console import Console

    forms.check(options.format, options.to)
    across = _listed(options.across)
    view = pipeline.history(tuple(options.folders), across, options.levels, _threshold(options))
    forms.send(view, options.format, options.to, Console())
    return EXIT_DONE


def gate(options: argparse.Namespace) -> int:
    from benchmark import forms, pipeline
    from benchmark.console import Console

    forms.check(options.format, options.to)
    view = pipeline.gate(
        tuple(options.folders),
        _listed(options.across),
        options.levels,
        _threshold(options),
        acknowledge=options.acknowledge,
        only=tuple(options.series),
    )
    forms.send(view, options.format, options.to, Console())
    return _judged(view, allow_undecided=options.allow_undecided)


def selftest(options: argparse.Namespace) -> int:
    from benchmark import forms, pipeline
    from benchmark.console import Console

    forms.check(options.format, options.to)
    view = pipeline.selftest(quick=options.quick, seed=options.seed)
    forms.send(view, options.format, options.to, Console())
    return _judged(view, allow_undecided=False)


def _judged(view: View, *, allow_undecided: bool) -> int:
    """The exit code of what a CI acts on."""
    if view.outcome == "undecided" and allow_undecided:
        return EXIT_DONE
    return {"passed": EXIT_DONE, "failed": EXIT_NOT_REPRODUCED, "error": EXIT_FAILED}.get(
        view.outcome, EXIT_UNDECIDED
    )


def _arms(options: argparse.Namespace) -> tuple[str, ...]:
    """What is compared: two, or with --aa one."""
    wanted = 1 if options.aa else 2
    if len(options.arms) != wanted:
        raise ConfigError(
            f"{len(options.arms)} arms were given: {', '.join(options.arms)}; "
            + ("--aa compares one with itself" if options.aa else "two are compared"),
            next_step="Give two, or one with --aa, such as: mobilebert-bench ab float32 dynamic_int8",
        )
    return tuple(options.arms)


def _threshold(options: argparse.Namespace) -> float | None:
    """The share, 0 to 1; None for the default."""
    if options.threshold is None:
        return None
    if not 0 < options.threshold <= 50:
        raise ConfigError(
            f"--threshold {options.threshold:g} is outside 0 to 50 %",
            next_step="Give a share of the latency in percent, such as --threshold 2.",
        )
    share: float = options.threshold / 100
    return share


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def resume(options: argparse.Namespace) -> int:
    from benchmark import pipeline, saved_call
    from benchmark.console import Console

    console = Console()
    called = saved_call.read(options.run)
    outcome = pipeline.resume(options.run, options.device, console, scheduler=options.scheduler)
    _finished(called.config, outcome, console)
    if called.job == "ab":
        return _judged(outcome.view, allow_undecided=called.config.allow_undecided)
    return _required(called.config, outcome, console)


def doctor(options: argparse.Namespace) -> int:
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


def virtual_phone(options: argparse.Namespace) -> int:
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


def devices(options: argparse.Namespace) -> int:
    from android_runner.discover import list_devices
    from benchmark.console import Console

    Console().devices(list_devices())
    return EXIT_DONE


def report(options: argparse.Namespace) -> int:
    from benchmark import forms, pipeline
    from benchmark.console import Console

    console = Console()
    forms.check_of_run(options.format, options.to)
    judged = pipeline.recompute(options.run) if options.recompute else None
    if options.format is not None:
        forms.report(options.run, options.format, options.to, console)
    elif judged is not None:
        console.show(judged)
    else:
        stored = pipeline.report(options.run)
        console.report(stored) if not console.is_terminal else _show_recorded(options.run, stored, console)
    return EXIT_DONE


def _show_recorded(folder: Path, stored: str, console: Console) -> None:
    """As its run showed it; as stored where this version cannot read the record."""
    from benchmark import pipeline
    from results.errors import RecordError

    try:
        view = pipeline.view(folder)
    except RecordError:
        console.report(stored)
    else:
        console.show(view)


def _config(options: argparse.Namespace) -> Config:
    """Flags that were given, `--quick` where they were not; Config holds the other defaults."""
    given = vars(options)
    if given.get("quick"):
        quick = _QUICK | (_QUICK_PAIRS if given.get("arms") else {})
        given = given | {name: value for name, value in quick.items() if given[name] is None}
        given["most_rows"] = _QUICK_ROWS
    taken = {name: given[flag] for name, flag in _FIELDS.items() if given.get(flag) is not None}
    if "lengths" in taken:
        taken["lengths"] = _lengths(taken["lengths"])
    for listed in {"recipes", "models", "rewrites", "formats", "skip"} & set(taken):
        taken[listed] = _listed(taken[listed])
    if "runtime" in taken:
        taken["runtime"], *others = _listed(taken["runtime"]) or ("",)
        taken["other_runtimes"] = tuple(others)
    if given.get("arms") is not None:
        taken["threshold"] = _threshold(options)
    for listed in {"rewrites", "skip"} & set(taken):
        if taken[listed] == ("none",):
            taken[listed] = ()
    return Config(**taken)


def _lengths(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() for word in words):
        raise ConfigError(
            f'--lengths "{text}" is not a list of whole numbers',
            next_step="Give lengths in tokens, separated by commas, such as 24,40,64,128.",
        )
    return tuple(int(word) for word in words)
