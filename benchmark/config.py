"""What one call asks for, validated once and trusted afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from results.device import Delegate, LengthPolicy
from results.errors import ConfigError, did_you_mean
from results.evaluated import IntervalMethod, RowFault
from results.record import Where
from results.report.forms.by_name import form_named

DEFAULT_RECIPE = "dynamic_int8"
REFERENCE_RECIPE = "float32"
# The claim's protocol (paper, Table 4 and its text; which parts are confirmed: results/claims.toml).
CLAIM_THREADS, CLAIM_BATCH = 4, 1
# BERT's position embedding ends there.
LONGEST = 512
FEWEST_TOKENS = 8  # [CLS] a [SEP] b [SEP], and a word or two more

# "-" is MultiNLI's and SNLI's own mark of a pair on which its annotators did not agree.
DEFAULT_SKIP: tuple[RowFault, ...] = ("missing-label",)

Require = Literal["reproduced", "floor"]
Runner = Literal["mobilebert_runner", "benchmark_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of a call. None means: found out or decided by the harness, and said in the record.

    `length`: tokens to which pairs are padded or cut; `lengths`: those of the signatures to export, `length`
    among them. `warmup_s` in seconds; `slice_rows` in pairs, `most_rows` the same where there are
    that many; `auth_timeout_s` is how long the phone's owner has to allow our key. `recipes`: the first one
    is folded into the verdict, every one is measured. `rewrites`: of the network before conversion, None for
    each recipe's own. `allow_undelegated`: dense layers outside XNNPACK are no error. `models`: those that a
    table compares, None for all. `cores`: "big", "all" or a hexadecimal mask. `repeats`: of one invalid
    launch; `cool_down_s`, `wait_for_device_s`: the longest waits. `binary`: of benchmark_model, a path or a
    version. `commit`: of what is measured. `threshold`: the share of latency, 0 to 1, below which a change
    does not matter; `noise_floor`: the folder of an A/A run, whose noise hides one; `allow_undecided`: what
    decides nothing is no failure. `formats`: in which the report is written when the run ends.

    Of the evaluation: `runtime` is the one that counts, `other_runtimes` are set beside it; `workers`: so
    many processes, None for one a core; `scheduler`: the address of a Dask cluster, instead of this machine;
    `evaluation_policy`: `length_policy` there, unless the device's predictions are compared; `interval`:
    of an accuracy. `pair_form`: by which declared table pairs are read, a name or a file, None for the one
    that fits; `skip`: faults whose rows are left out, not refused; `reference_runs`: accuracies of another
    model.
    """

    checkpoint: str | None = None
    recipes: tuple[str, ...] = (DEFAULT_RECIPE,)
    rewrites: tuple[str, ...] | None = None
    allow_undelegated: bool = False
    models: tuple[str, ...] | None = None
    length: int | None = None
    lengths: tuple[int, ...] | None = None
    length_policy: LengthPolicy = "fixed"
    threads: int | None = None
    device: str | None = None
    auth_timeout_s: float = 60.0
    pairs: Path | None = None
    vocab: Path | None = None
    calibration: Path | None = None
    slice_rows: int | None = None
    most_rows: int | None = None
    launches: int = 10
    inferences: int = 200
    warmup_inferences: int = 20
    warmup_s: float = 2.0
    runtime: str = "ai-edge-litert"
    output: Path = Path("runs")
    seed: int = 20260101
    require: Require | None = None
    cores: str = "big"
    repeats: int = 2
    cool_down_s: float = 600.0
    wait_for_device_s: float = 300.0
    runner: Runner = "mobilebert_runner"
    binary: str | None = None
    delegate: Delegate = "cpu"
    accuracy_on: Where = "host"
    fixed_performance: bool = False
    commit: str | None = None
    threshold: float | None = None
    noise_floor: Path | None = None
    formats: tuple[str, ...] = ()
    allow_undecided: bool = False
    other_runtimes: tuple[str, ...] = ()
    workers: int | None = None
    scheduler: str | None = None
    evaluation_policy: LengthPolicy = "shortest"
    interval: IntervalMethod = "wilson"
    pair_form: str | None = None
    skip: tuple[RowFault, ...] = DEFAULT_SKIP
    reference_runs: Path | None = None

    def __post_init__(self) -> None:
        if self.commit is not None and not (0 < len(self.commit) <= 200 and self.commit.isprintable()):
            raise ConfigError(
                f"--commit {self.commit!r} is no name: empty, longer than 200 characters, or unprintable",
                next_step="Give a commit or a version, such as --commit 4f2a9c1.",
            )
        if self.length is not None:
            _within("--length", self.length, FEWEST_TOKENS, LONGEST)
        _within("the longest of --lengths", max(self.signature_lengths), FEWEST_TOKENS, LONGEST)
        _within("--launches", self.launches, 1, 1000)
        _within("--inferences", self.inferences, 1, 1_000_000)
        _within("--warmup-inferences", self.warmup_inferences, 0, 1_000_000)
        _within("--warmup-seconds", self.warmup_s, 0, 3600)
        _within("--auth-timeout", self.auth_timeout_s, 0, 3600)
        _within("--seed", self.seed, 0, 2**53)
        _within("--repeats", self.repeats, 0, 100)
        _within("--cool-down", self.cool_down_s, 0, 86_400)
        _within("--wait-for-device", self.wait_for_device_s, 0, 86_400)
        for name in self.formats:
            form_named(name)
        mask = re.fullmatch(r"(?:0x)?([0-9a-fA-F]{1,64})", self.cores)
        if self.cores not in ("big", "all") and (mask is None or not int(mask[1], 16)):
            raise ConfigError(
                f"--cores {self.cores!r} is neither big, all nor a hexadecimal mask",
                next_step="Give --cores big, --cores all, or a mask such as --cores f0 for cores 4 to 7.",
            )
        if (self.runner == "benchmark_model") != (self.binary is not None):
            raise ConfigError(
                "--runner benchmark_model and --binary go together",
                next_step="Give both: --runner benchmark_model --binary PATH",
            )
        if self.runner == "benchmark_model" and self.length_policy != "fixed":
            raise ConfigError(
                "benchmark_model runs one row over and over; --length-policy shortest is about many",
                next_step="Leave --length-policy out, or --runner benchmark_model.",
            )
        if self.delegate != "cpu" and self.runner != "benchmark_model":
            raise ConfigError(
                f"--delegate {self.delegate} is for benchmark_model; our own program knows the CPU only",
                next_step="Give --runner benchmark_model --binary PATH as well.",
            )
        if self.threads is not None:
            _within("--threads", self.threads, 1, 64)
        if self.workers is not None:
            _within("--workers", self.workers, 1, 1024)
            if self.scheduler is not None:
                raise ConfigError(
                    "--workers are processes of this machine, and --scheduler has its own",
                    next_step="Leave one of them out.",
                )
        if unknown := set(self.skip) - set(get_args(RowFault)):
            raise ConfigError(
                f"--skip {sorted(unknown)[0]!r} is no fault of a row."
                f"{did_you_mean(sorted(unknown)[0].replace('_', '-'), get_args(RowFault))}",
                next_step=f"Give one or more of {', '.join(get_args(RowFault))}, or none.",
            )
        if self.slice_rows is not None:
            _within("--slice", self.slice_rows, 1, 10_000_000)
        runtimes = (self.runtime, *self.other_runtimes)
        if not self.runtime or len(set(runtimes)) != len(runtimes):
            raise ConfigError(
                f"--runtime {','.join(runtimes)!r} names no runtime, or one twice",
                next_step="Give one or more different runtimes, separated by commas.",
            )
        if not self.recipes or len(set(self.recipes)) != len(self.recipes):
            raise ConfigError(
                f"--recipe {','.join(self.recipes)!r} names no recipe, or one twice",
                next_step="Give one or more different recipes, separated by commas.",
            )

    @property
    def signature_lengths(self) -> tuple[int, ...]:
        """The lengths of an export's signatures, ascending."""
        from export import lengths  # here, because a report is printed where there is no export

        return lengths.signature_lengths(self.lengths, self.length)

    @property
    def row_length(self) -> int:
        """The length to which an export's rows are padded and cut."""
        from export import lengths

        return lengths.row_length(self.signature_lengths, self.length, self.length_policy)


def _within(flag: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(
            f"{flag} {value} is outside {low} to {high}", next_step=f"Give {flag} a value in that range."
        )
