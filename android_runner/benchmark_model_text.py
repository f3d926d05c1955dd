"""Pure parsers of what Google's benchmark_model says, in both of its dialects.

Both print, per stage, one `count=` line in whole microseconds. "classic" (TensorFlow Lite) ends with a line
"Inference timings in us: ...", "litert" with a block "BENCHMARK RESULTS" in milliseconds of two decimals; the
end has to agree with the stages, so that a torn text is never read as a whole one. What another library says
in between is passed over; a line of these kinds in another form is refused.
Source: google-ai-edge/LiteRT, tflite/tools/benchmark/benchmark_model.cc and benchmark_tflite_model.cc,
litert/tools/benchmark_litert_model.h, tflite/core/subgraph.cc; openxla/xla, tsl/util/stats_calculator.h.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from android_runner import device_text
from android_runner.kernel_text import parse_core_list
from results.errors import OutputUnreadable
from results.record import LaunchSummary

Dialect = Literal["classic", "litert"]

_MOST_CHARACTERS = 4 << 20
_MOST_US = 10**15  # 30 years; as nanoseconds it fits whatever is made of it
_SIX_DIGITS = 1e-5  # how far a number of six digits may be from what was printed
_PREFIX = re.compile(
    r"(?:(VERBOSE|INFO|WARN|WARNING|ERROR|FATAL): )?(?:\[[A-Za-z0-9_./+-]{1,200}:[0-9]{1,7}\] )?"
)
_WHOLE = r"(0|[1-9][0-9]{0,18})"
_REAL = r"([0-9]{1,19}(?:\.[0-9]{1,6})?(?:e\+[0-9]{1,2})?)"  # a C++ stream's, of six significant digits
_QUANTILES = rf"(?: p5={_WHOLE} median={_WHOLE} p95={_WHOLE})?"
_RUNNING = re.compile(
    rf"Running benchmark for at least {_WHOLE} iterations and at least {_REAL} seconds"
    rf"(?: but terminate if exceeding {_REAL} seconds\.)?"
)
_NONE_RAN = re.compile(r"count=0(?: p5=0 median=0 p95=0)?")
_ALL_SAME = re.compile(rf"count={_WHOLE} curr={_WHOLE}(\(all same\))?{_QUANTILES}")
_SPREAD = re.compile(
    rf"count={_WHOLE} first={_WHOLE} curr={_WHOLE} min={_WHOLE} max={_WHOLE} avg={_REAL} std={_WHOLE}"
    + _QUANTILES
)
_CLASSIC_END = re.compile(
    rf"Inference timings in us: Init: {_WHOLE}, First inference: {_WHOLE}, "
    rf"Warmup \(avg\): (?:{_REAL}|-?nan|0), Inference \(avg\): {_REAL}"
)
_LITERT_BEGIN = "========== BENCHMARK RESULTS =========="
_LITERT_END = "======================================"
_MS = r"([0-9]{1,13}\.[0-9]{2})"
_LITERT_BLOCK = {
    "init": re.compile(rf"Model initialization: {_MS} ms"),
    "first": re.compile(rf"Warmup \(first\): +{_MS} ms"),
    "warmup": re.compile(rf"Warmup \(avg\): +(?:{_MS}|-?nan) ms \({_WHOLE} runs\)"),
    "avg": re.compile(rf"Inference \(avg\): +{_MS} ms \({_WHOLE} runs\)"),
    "min": re.compile(rf"Inference \(min\): +{_MS} ms"),
    "max": re.compile(rf"Inference \(max\): +{_MS} ms"),
    "std": re.compile(rf"Inference \(std\): +{_MS}"),
}
_PARAMETER = re.compile(r"([A-Za-z#][^\[\]\n]{1,120}): \[(.*)\]")
_UNCONSUMED = re.compile(r"Unconsumed cmdline flags: (.+)")
_REPLACED = re.compile(
    rf"Replacing {_WHOLE}(?: out of {_WHOLE})? node\(s\) with delegate \(([^()]{{1,80}})\) node, "
    rf"yielding {_WHOLE} partitions.*"
)
_APPLIED = re.compile(
    r"Explicitly applied ([A-Za-z0-9_-]{1,40}) delegate, and the model graph will be "
    rf"(?:(completely) executed by the delegate|"
    rf"partially executed by the delegate w/ {_WHOLE} delegate kernels)\."
)
_NOT_APPLIED = re.compile(
    r"Though ([A-Za-z0-9_-]{1,40}) delegate is explicitly applied, the model graph will not be executed by "
    r"the delegate\."
)
_CORES = re.compile(r"Cpus_allowed_list:[ \t]*([0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*)")
_FAILED = ("failed to invoke", "Benchmarking failed", "Run failed:")
# What the program says of itself with these beginnings, it says in one of the forms above.
_KNOWN_BEGINNINGS = (
    *("count=", "Inference timings in us", "Running benchmark for", "Replacing ", "Explicitly applied "),
    *("Unconsumed cmdline flags", "Cpus_allowed_list"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Nodes of one subgraph that a delegate took; `of_nodes` None in builds that do not say it."""

    delegate: str
    nodes: int
    of_nodes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a delegate that was asked for took: all, part of it in `kernels` pieces, or with 0 nothing."""

    delegate: str
    completely: bool
    kernels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One ended launch, times in ns, to a microsecond. `first_ns`: of the very first inference of all.

    `warmup` None where there was none. `parameters`: what the program says it was told. `unconsumed`: flags
    that it did not know. `failures`: its words on inferences that failed; they stay in its figures.
    `cores`: where it was allowed to run, None where that was not asked. `warnings`: its other complaints.
    """

    dialect: Dialect
    init_ns: int
    first_ns: int
    warmup: LaunchSummary | None
    timed: LaunchSummary
    parameters: dict[str, str]
    replaced: tuple[Replaced, ...]
    applied: tuple[Applied, ...]
    xnnpack_created: bool
    unconsumed: str | None
    failures: tuple[str, ...]
    cores: tuple[int, ...] | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """One `count=` line; `first_us` and the others as printed, `avg` as its own text."""

    count: int
    first_us: int
    avg: str
    summary: LaunchSummary | None


def parse(text: str) -> Report:
    """Read the whole output of a launch that ended well.

    Raises: OutputUnreadable, naming the line, where it is short, torn, or in a form not known here.
    """
    if len(text) > _MOST_CHARACTERS:
        _refuse(1, f"{len(text):,} characters, where a few thousand are usual")
    reader = _Reader()
    lines = text.split("\n")
    # The last part has no line end: unless it is empty, the text stops within a line.
    for number, line in enumerate(lines[:-1], start=1):
        reader.take(number, line)
    return reader.report(len(lines), torn=lines[-1])


def replaced_in(text: str) -> tuple[Replaced, ...]:
    """What delegates took, also in the output of a launch that did not end well."""
    stripped = (_PREFIX.sub("", line.rstrip(), count=1) for line in text[:_MOST_CHARACTERS].split("\n"))
    return tuple(_replaced(match) for line in stripped if (match := _REPLACED.fullmatch(line)))


def printable(text: str) -> str:
    """At most 300 characters of a device's words, without what could steer a terminal."""
    return device_text.printable(text)[:300]


class _Reader:
    """The text read so far."""

    def __init__(self) -> None:
        self._stages: list[_Stage] = []
        self._running = 0
        self._parameters: dict[str, str] = {}
        self._replaced: list[Replaced] = []
        self._applied: list[Applied] = []
        self._xnnpack_created = False
        self._unconsumed: list[str] = []
        self._failures: list[str] = []
        self._warnings: list[str] = []
        self._cores: tuple[int, ...] | None = None
        self._block: dict[str, tuple[str, ...]] | None = None
        self._ended: Dialect | None = None
        self._init_us = self._first_us = 0

    def take(self, number: int, raw: str) -> None:
        line = raw.rstrip()
        prefix = _PREFIX.match(line)
        severity = prefix[1] if prefix else None
        line = line[prefix.end() :] if prefix else line
        if self._block is not None and self._ended is None:
            self._take_block(number, line)
        elif line.startswith(_LITERT_BEGIN) and self._ended is None:
            self._complete(number)
            self._block = {}
        elif match := _CLASSIC_END.fullmatch(line):
            self._take_classic_end(number, match)
        elif _RUNNING.fullmatch(line):
            if self._running != len(self._stages) or self._running == 2:
                _refuse(number, "a stage begins before the one before it has its figures, or it is a third")
            self._running += 1
        elif line.startswith("count="):
            if self._running != len(self._stages) + 1:
                _refuse(number, "figures without a stage")
            self._stages.append(_stage(number, line))
        elif match := _REPLACED.fullmatch(line):
            self._replaced.append(_replaced(match))
        elif match := _APPLIED.fullmatch(line):
            kernels = 1 if match[2] else int(match[3])
            self._applied.append(Applied(delegate=match[1], completely=bool(match[2]), kernels=kernels))
        elif match := _NOT_APPLIED.fullmatch(line):
            self._applied.append(Applied(delegate=match[1], completely=False, kernels=0))
        elif match := _UNCONSUMED.fullmatch(line):
            self._unconsumed.append(printable(match[1]))
        elif match := _CORES.fullmatch(line):
            self._cores = parse_core_list(match[1])
        elif severity in ("ERROR", "FATAL") and any(words in line for words in _FAILED):
            self._failures.append(printable(line))
        elif line.startswith(_KNOWN_BEGINNINGS):
            _refuse(number, f"{printable(line)!r} is in no form that is known here")
        elif match := _PARAMETER.fullmatch(line):
            self._parameters[match[1]] = match[2]
        elif severity in ("WARN", "WARNING", "ERROR", "FATAL"):
            self._warnings.append(printable(line))
        elif line == "Created TensorFlow Lite XNNPACK delegate for CPU.":
            self._xnnpack_created = True

    def report(self, last: int, *, torn: str) -> Report:
        if self._ended is None:
            _refuse(
                last, f"the text ends before the figures do{f', within {printable(torn)!r}' if torn else ''}"
            )
        warmup, timed = self._stages
        if timed.summary is None:
            _refuse(last, "no inference was timed")
        return Report(
            dialect=self._ended,
            init_ns=self._init_us * 1000,
            first_ns=(warmup if warmup.count else timed).first_us * 1000,
            warmup=warmup.summary,
            timed=timed.summary,
            parameters=self._parameters,
            replaced=tuple(self._replaced),
            applied=tuple(self._applied),
            xnnpack_created=self._xnnpack_created,
            unconsumed=" ".join(self._unconsumed) or None,
            failures=tuple(self._failures),
            cores=self._cores,
            warnings=tuple(self._warnings),
        )

    def _complete(self, number: int) -> None:
        if len(self._stages) != 2:
            _refuse(number, f"a summary after {len(self._stages)} stages of warm-up and timing, not 2")
        if self._ended is not None:
            _refuse(number, "a second summary")

    def _take_classic_end(self, number: int, match: re.Match[str]) -> None:
        self._complete(number)
        warmup, timed = self._stages
        # Both lines print the same values in the same way.
        said = (int(match[2]), match[3] if warmup.count else None, match[4])
        if said != (warmup.first_us, warmup.avg if warmup.count else None, timed.avg):
            _refuse(number, "its averages are not those of the stages above")
        self._init_us = _microseconds(number, match[1])
        self._ended = "classic"

    def _take_block(self, number: int, line: str) -> None:
        assert self._block is not None
        if line == _LITERT_END:
            self._take_litert_end(number)
            return
        for name, form in _LITERT_BLOCK.items():
            if match := form.fullmatch(line):
                if name in self._block:
                    _refuse(number, "the same figure a second time")
                self._block[name] = match.groups()
                return
        if line.startswith(("Model initialization", "Warmup (", "Inference (")):
            _refuse(number, f"{printable(line)!r} is in no form that is known here")

    def _take_litert_end(self, number: int) -> None:
        block = self._block
        if block is None or block.keys() != _LITERT_BLOCK.keys():
            missing = [name for name in _LITERT_BLOCK if not block or name not in block]
            _refuse(number, f"the summary ends without {', '.join(missing)}")
        warmup, timed = self._stages
        told = timed.summary
        if told is None:
            _refuse(number, "no inference was timed")
        if (block["warmup"][1], block["avg"][1]) != (str(warmup.count), str(timed.count)):
            _refuse(number, "its counts are not those of the stages above")
        pairs = [(block["first"][0], warmup.first_us * 1000.0)] if warmup.count else []
        pairs += [(block["avg"][0], told.mean_ns), (block["min"][0], told.min_ns)]
        pairs += [(block["max"][0], told.max_ns), (block["std"][0], told.sd_ns)]
        for milliseconds, nanoseconds in pairs:
            # Two decimals of a millisecond on one side, six digits on the other.
            if abs(float(milliseconds) * 1e6 - nanoseconds) > 5_001 + _SIX_DIGITS * nanoseconds:
                _refuse(number, f"{milliseconds} ms is not {nanoseconds / 1e6:g} ms of the stages above")
        self._init_us = _microseconds(number, str(round(float(block["init"][0]) * 1000)))
        self._ended = "litert"


def _stage(number: int, line: str) -> _Stage:
    if _NONE_RAN.fullmatch(line):
        return _Stage(count=0, first_us=0, avg="", summary=None)
    if match := _ALL_SAME.fullmatch(line):
        count, value = _count(number, match[1]), _microseconds(number, match[2])
        quantiles = _quantiles(number, match.groups()[3:6])
        if bool(match[3]) != (count > 1) or any(part not in (None, value * 1000.0) for part in quantiles):
            _refuse(number, "values that are all the same, and are not")
        return _made(number, count, (value, value, value, value), float(value), f"{value:.6g}", 0, quantiles)
    match = _SPREAD.fullmatch(line)
    if match is None:
        _refuse(number, f"{printable(line)!r} is no line of figures")
    first, newest, low, high = (_microseconds(number, match[index]) for index in (2, 3, 4, 5))
    return _made(
        number,
        _count(number, match[1]),
        (first, newest, low, high),
        float(match[6]),
        match[6],
        int(match[7]),
        _quantiles(number, match.groups()[7:10]),
    )


def _made(
    number: int,
    count: int,
    values: tuple[int, int, int, int],
    mean: float,
    avg: str,
    deviation: int,
    quantiles: tuple[float | None, float | None, float | None],
) -> _Stage:
    """A stage whose figures are possible: microseconds, but the quantiles in ns."""
    first, newest, low, high = values
    p5, median, p95 = quantiles
    ordered = [low * 1000.0, *(part for part in quantiles if part is not None), high * 1000.0]
    possible = (
        low <= newest <= high
        and low * (1 - _SIX_DIGITS) <= mean <= high * (1 + _SIX_DIGITS)
        and deviation <= high - low
        and ordered == sorted(ordered)
    )
    if not possible:
        _refuse(number, "figures that contradict each other")
    summary = LaunchSummary(
        count=count,
        mean_ns=round(mean * 1000, 3),
        min_ns=low * 1000.0,
        max_ns=high * 1000.0,
        sd_ns=deviation * 1000.0,
        p5_ns=p5,
        median_ns=median,
        p95_ns=p95,
    )
    return _Stage(count=count, first_us=first, avg=avg, summary=summary)


def _quantiles(number: int, texts: tuple[str | None, ...]) -> tuple[float | None, float | None, float | None]:
    p5, median, p95 = (None if text is None else _microseconds(number, text) * 1000.0 for text in texts)
    return p5, median, p95


def _count(number: int, text: str) -> int:
    count = int(text)
    if not 1 <= count <= 2**31 - 1:
        _refuse(number, f"a count of {count}")
    return count


def _microseconds(number: int, text: str) -> int:
    value = int(text)
    if not 0 < value <= _MOST_US:
        _refuse(number, f"a time of {value} us")
    return value


def _replaced(match: re.Match[str]) -> Replaced:
    return Replaced(
        delegate=match[3], nodes=int(match[1]), of_nodes=None if match[2] is None else int(match[2])
    )


def _refuse(line: int, detail: str) -> NoReturn:
    raise OutputUnreadable(
        f"line {line} of benchmark_model's output cannot be read: {detail}.",
        next_step="Run again; if it repeats, report this output: this version's form is not known here yet.",
        line=line,
    )
