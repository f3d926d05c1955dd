"""What benchmark_model printed, from builds of several years, read strictly."""

from __future__ import annotations

import re

import pytest

from android_runner.benchmark_model_expect import expect, failed_words
from android_runner.benchmark_model_text import Applied, Report, parse
from results.device import Delegate
from results.errors import OutputUnreadable, RunDiffers, RunFailed
from results.record import LaunchSummary

WARMUP = "count=20 first=70211 curr=66709 min=66401 max=70211 avg=66990.3 std=811"
TIMED = "count=50 first=66650 curr=66800 min=66599 max=66938 avg=66767.6 std=39"
QUANTILES = " p5=66610 median=66760 p95=66930"
# measurement's own example of a line, as it is handed on
SAMPLE = (
    "count=50 first=65650 curr=66800 min=66699 max=66838 avg=66767.6 std=39 p5=66710 median=66760 p95=66830"
)
XNNPACK = "Explicitly applied XNNPACK delegate, and the model graph will be"
WHOLE, PART = (
    "completely executed by the delegate.",
    "partially executed by the delegate w/ 7 delegate kernels.",
)
END = (
    "Inference timings in us: Init: 85512, First inference: 70211, Warmup (avg): 66990.3, "
    "Inference (avg): 66767.6"
)
STAGE = "Running benchmark for at least {} seconds but terminate if exceeding 600 seconds."


def classic(
    *,
    warmup: str = WARMUP,
    timed: str = TIMED + QUANTILES,
    end: str = END,
    applied: str = f"{XNNPACK} {PART}",
    more: str = "",
    prefix: str = "INFO: ",
) -> str:
    """TensorFlow Lite's dialect; `prefix` is empty in builds before 2022."""
    lines = (
        *("STARTING!", "Log parameter values verbosely: [0]", "Min num runs: [50]", "Num threads: [4]"),
        *("Graph: [/data/local/tmp/m.tflite]", "#threads used for CPU inference: [4]", "Use xnnpack: [1]"),
        *("Loaded model /data/local/tmp/m.tflite", applied, "The input model file size (MB): 26.0116"),
        "Initialized session in 85.512ms.",
        STAGE.format("20 iterations and at least 2"),
        *(warmup, None),
        STAGE.format("50 iterations and at least 0"),
        *(timed, None, end),
        "Memory footprint delta from the start of the tool (MB): init=31.2 overall=44.5",
    )
    # Delegates write past the program's own log, and always with a prefix.
    chatter = (
        "Cpus_allowed_list:\t4-7\n"
        "VERBOSE: Replacing 1411 out of 1432 node(s) with delegate (TfLiteXNNPackDelegate) node, "
        "yielding 9 partitions for subgraph 0 (main).\n"
    )
    return chatter + more + "".join("\n" if line is None else f"{prefix}{line}\n" for line in lines)


def litert(
    *,
    timed: str = TIMED + QUANTILES,
    block: dict[str, str] | None = None,
    more: str = "",
    taken: str = "1432",
) -> str:
    """LiteRT's dialect: the same lines per stage, and a block in milliseconds from another logger."""
    said = {
        "Model initialization:": "85.51 ms",
        "Warmup (first):": "70.21 ms",
        "Warmup (avg):": "66.99 ms (20 runs)",
        "Inference (avg):": "66.77 ms (50 runs)",
        "Inference (min):": "66.60 ms",
        "Inference (max):": "66.94 ms",
        "Inference (std):": "0.04",
    } | (block or {})
    note = "INFO: [benchmark_litert_model.h:92] "
    return (
        "INFO: STARTING!\nINFO: Min num runs: [50]\nINFO: Num threads: [4]\n"
        f"VERBOSE: Replacing {taken} out of 1432 node(s) with delegate (TfLiteXNNPackDelegate) node, "
        f"yielding 1 partitions for subgraph 0 (main).\n{more}"
        f"INFO: {STAGE.format('20 iterations and at least 2')}\nINFO: {WARMUP}\n\n"
        f"INFO: {STAGE.format('50 iterations and at least 0')}\nINFO: {timed}\n\n"
        f"{note}\n========== BENCHMARK RESULTS ==========\n{note}Signature name:       s128\n"
        + "".join(f"{note}{name:<21} {value}\n" for name, value in said.items() if value)
        + f"{note}Throughput:           27.46 MB/s\n{note}\nMemory Usage:\n"
        f"{note}======================================\n\n"
    )


def _refused(text: str, says: str) -> None:
    with pytest.raises(OutputUnreadable, match=says) as raised:
        parse(text)
    assert re.search(r"^line \d+ of ", raised.value.what)


def _expect(report: Report, delegate: Delegate = "cpu", **others: object) -> None:
    wanted = {"runs": 50, "warmup_at_least": 20, "threads": 4, "cores": (4, 5, 6, 7)} | others
    expect(report, delegate=delegate, **wanted)  # type: ignore[arg-type]


def test_classic_output_in_ns() -> None:
    """Its unit is the microsecond and ours the nanosecond; a factor of 1000 would pass unseen."""
    report = parse(classic())
    assert (report.dialect, report.init_ns, report.first_ns) == ("classic", 85_512_000, 70_211_000)
    assert report.warmup is not None
    assert (report.warmup.count, report.warmup.p95_ns) == (20, None)
    assert report.timed == LaunchSummary(
        count=50,
        mean_ns=66_767_600.0,
        min_ns=66_599_000.0,
        max_ns=66_938_000.0,
        sd_ns=39_000.0,
        p5_ns=66_610_000.0,
        median_ns=66_760_000.0,
        p95_ns=66_930_000.0,
    )
    assert report.cores == (4, 5, 6, 7)
    assert report.applied == (Applied(delegate="XNNPACK", completely=False, kernels=7),)
    assert (report.replaced[0].nodes, report.replaced[0].of_nodes) == (1411, 1432)
    _expect(report)


@pytest.mark.parametrize("prefix", ["", "INFO: "])
@pytest.mark.parametrize("quantiles", ["", QUANTILES])
def test_builds_of_other_years(prefix: str, quantiles: str) -> None:
    """Old ones have no prefix and no quantiles: those are None then, never made from others."""
    report = parse(classic(prefix=prefix, timed=TIMED + quantiles))
    assert (report.timed.median_ns is None) == (not quantiles)
    _expect(report)


def test_sample_line_of_the_field_notes() -> None:
    """The line that is handed on as an example of the newest builds."""
    assert parse(classic(timed=SAMPLE)).timed.median_ns == 66_760_000.0


@pytest.mark.parametrize(("line", "count"), [("count=7 curr=66709(all same)", 7), ("count=1 curr=66709", 1)])
@pytest.mark.parametrize("quantiles", ["", " p5=66709 median=66709 p95=66709"])
def test_all_the_same(line: str, count: int, quantiles: str) -> None:
    """A coarse clock or a single run has a line of its own, with no mean and no extremes in it."""
    timed = parse(classic(timed=line + quantiles, end=END.replace("66767.6", "66709"))).timed
    assert (timed.count, timed.mean_ns, timed.min_ns, timed.sd_ns) == (count, 66_709_000.0, 66_709_000.0, 0.0)


@pytest.mark.parametrize(
    "line",
    [
        "count=7 curr=66709",
        "count=1 curr=66709(all same)",
        "count=7 curr=66709(all same) p5=66709 median=66709 p95=66710",
    ],
)
def test_not_all_the_same(line: str) -> None:
    """The line's words and its figures have to agree."""
    _refused(classic(timed=line, end=END.replace("66767.6", "66709")), "all the same, and are not")


def test_no_warmup() -> None:
    """Then the first timed inference is the first of all."""
    end = END.replace("70211", "0").replace("66990.3", "0")
    report = parse(classic(warmup="count=0 p5=0 median=0 p95=0", end=end))
    assert (report.warmup, report.first_ns) == (None, 66_650_000)


def test_slow_model_in_scientific_notation() -> None:
    """C++ prints a mean of more than a second as 1.23457e+06."""
    line = "count=50 first=1234000 curr=1234568 min=1234000 max=1236000 avg=1.23457e+06 std=400"
    assert parse(classic(timed=line, end=END.replace("66767.6", "1.23457e+06"))).timed.mean_ns == 1.23457e9


def test_litert_output_in_ns() -> None:
    """Milliseconds of two decimals in its summary; the lines above it are finer and in microseconds."""
    report = parse(litert())
    assert (report.dialect, report.init_ns, report.first_ns) == ("litert", 85_510_000, 70_211_000)
    assert report.timed == parse(classic()).timed
    _expect(report, cores=())


@pytest.mark.parametrize("text", [classic(), litert()], ids=["classic", "litert"])
def test_cut_anywhere(text: str) -> None:
    """A link that ends, a full pipe: no part of the output may be read as the whole."""
    whole = (
        text.index("66767.6\nINFO: Memory") + 8 if "Inference timings" in text else text.index("=\n\n") + 2
    )
    for length in range(whole):
        with pytest.raises(OutputUnreadable):
            parse(text[:length])
    assert parse(text[:whole]).timed == parse(text).timed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("count=50", "count=50000000000000000000"), "no line of figures"),
        (("count=50", "count=-50"), "no line of figures"),
        (("count=50", "count=0"), "a count of 0"),
        (("count=50", "count=2147483648"), "a count of"),
        (("min=66599", "min=-66599"), "no line of figures"),
        (("min=66599", "min=0"), "a time of 0 us"),
        (("max=66938", "max=9999999999999999999"), "a time of"),
        (("max=66938", "max=66700"), "contradict"),
        (("avg=66767.6", "avg=nan"), "no line of figures"),
        (("avg=66767.6", "avg=-nan"), "no line of figures"),
        (("avg=66767.6", "avg=66967.6"), "contradict"),
        (("avg=66767.6", "avg=66567.6"), "contradict"),
        (("curr=66800 min=66599", "curr=66939 min=66599"), "contradict"),
        (("curr=66800 min=66599", "curr=66598 min=66599"), "contradict"),
        (("std=39", "std=-9223372036854775808"), "no line of figures"),
        (("std=39", "std=999"), "contradict"),
        (("median=66760", "median=66600"), "contradict"),
        (("p95=66930", "p95=inf"), "no line of figures"),
        (("p95=66930", "p95=66930 p99=66937"), "no line of figures"),
        (("count=50 ", "count=50 runs=50 "), "no line of figures"),
        (("(avg): 66767.6", "(avg): 66767.7"), "not those of the stages"),
        (("First inference: 70211", "First inference: 70212"), "not those of the stages"),
        (("Init: 85512", "Init: 0"), "a time of 0 us"),
        (("timings in us", "timings in ms"), "ends before the figures do"),
        ((f"INFO: {WARMUP}\n", ""), "a stage begins before"),
        ((f"INFO: {TIMED}", f"INFO: {WARMUP}\nINFO: {TIMED}"), "figures without a stage"),
        (("Inference timings", "Running benchmark for"), "no form that is known"),
        (("yielding 9 partitions", "yielding -9 partitions"), "no form that is known"),
        (("Cpus_allowed_list:\t4-7", "Cpus_allowed_list:\t4-"), "no form that is known"),
    ],
)
def test_damaged_classic_output(change: tuple[str, str], says: str) -> None:
    """Figures that cannot be, from a full counter, a rounding below zero or another unit."""
    text = classic()
    assert change[0] in text
    _refused(text.replace(*change), says)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"Inference (avg):": "66.87 ms (50 runs)"}, "66.87 ms is not 66.7676 ms"),
        ({"Inference (avg):": "66767.60 us (50 runs)"}, "no form that is known"),
        ({"Inference (avg):": "66.77 ms (49 runs)"}, "counts are not those"),
        ({"Inference (min):": "nan ms"}, "no form that is known"),
        ({"Inference (max):": ""}, "ends without max"),
        ({"Inference (std):": "-0.04"}, "no form that is known"),
        ({"Model initialization:": "85.5 ms"}, "no form that is known"),
    ],
)
def test_damaged_litert_block(block: dict[str, str], says: str) -> None:
    """The block has to say what the stages said: it is the proof that the text is whole."""
    _refused(litert(block=block), says)


def test_figure_twice_in_the_block() -> None:
    """The second would win."""
    text = litert()
    line = next(line for line in text.splitlines() if "Inference (max)" in line)
    _refused(text.replace(line, f"{line}\n{line}"), "a second time")


def test_two_programs_in_one_output() -> None:
    """One that an earlier run left behind."""
    _refused(classic() + classic(), "or it is a third")
    _refused(f"{classic()}INFO: {END}\n", "a second summary")


def test_summary_without_a_stage() -> None:
    """Half of the log in another file."""
    text = classic()
    stage = text.index("INFO: Running benchmark for at least 50")
    _refused(text[:stage] + text[text.index("INFO: Inference timings") :], "after 1 stages")


def test_endless_output() -> None:
    """A driver that logs in a loop."""
    _refused(classic(more="INFO: chatter\n" * 400_000), "5,6[0-9]{2},[0-9]{3} characters")


def test_hostile_words_do_not_reach_the_terminal() -> None:
    """A delegate's name comes from a library of the phone's vendor."""
    report = parse(classic(more="WARN: Unconsumed cmdline flags: --x=\x1b[31m\n"))
    assert report.unconsumed == "--x=?[31m"


def _differs(report: Report, says: str, delegate: Delegate = "cpu", **others: object) -> None:
    with pytest.raises(RunDiffers, match=says):
        _expect(report, delegate, **others)


def test_fewer_runs_than_asked() -> None:
    """--max_secs ends the loop early, with exit code 0."""
    _differs(parse(classic(timed=TIMED.replace("count=50", "count=49"))), "timed 49 inferences, not 50")


def test_more_runs_than_asked() -> None:
    """A build whose --min_secs is another's default runs longer."""
    _differs(parse(classic(timed=TIMED.replace("count=50", "count=74"))), "timed 74 inferences, not 50")


def test_short_warmup() -> None:
    """--max_secs bounds the warm-up too."""
    _differs(parse(classic(warmup=WARMUP.replace("count=20", "count=19"))), "warmed up with 19")


def test_unknown_flag() -> None:
    """The program warns, and runs without."""
    unknown = "WARN: Unconsumed cmdline flags: --use_gpu=true --gpu-precision=fp32\n"
    _differs(parse(classic(more=unknown)), "does not know --use_gpu=true --gpu-precision=fp32")


@pytest.mark.parametrize(("said", "says"), [("Num threads: [4]", "does not repeat it"), ("", r"says \[4\]")])
def test_flag_that_was_not_taken(said: str, says: str) -> None:
    """Builds before 2020 drop unknown flags without a word; none drops what it repeats."""
    report = parse(classic().replace(f"INFO: {said}\n", "") if said else classic())
    _differs(report, says, threads=4 if said else 2)


def test_other_cores_than_asked() -> None:
    """Some phones' taskset says yes, and the kernel keeps the mask of the shell's cpuset."""
    _differs(parse(classic()), "allowed on cores 4, 5, 6, 7, not on 6, 7", cores=(7, 6))
    _differs(parse(classic().partition("\n")[2]), "that nobody named", cores=(7,))
    _expect(parse(classic()), cores=(7, 5, 4, 6))


def test_failed_inference_among_good_ones() -> None:
    """It stays in the figures, and is told of at the end only."""
    report = parse(classic(more="ERROR: Node number 3 (GATHER) failed to invoke.\n"))
    with pytest.raises(RunFailed, match="GATHER"):
        _expect(report)
    _expect(parse(classic(more="INFO: Graph: [/tmp/what failed to invoke.tflite]\n")))


NOT = "Though {} delegate is explicitly applied, the model graph will not be executed by the delegate."


@pytest.mark.parametrize(
    ("applied", "delegate", "says"),
    [
        (NOT.format("XNNPACK"), "cpu", "XNNPACK was asked for and computes nothing"),
        ("Created TensorFlow Lite XNNPACK delegate for CPU.", "cpu", "computes nothing"),
        (NOT.format("GPU"), "gpu", "GPU was asked for and computes nothing"),
        (NOT.format("NNAPI"), "nnapi", "NNAPI was asked for and computes nothing"),
        (f"{XNNPACK} {PART}", "gpu", "applied XNNPACK beside or instead of GPU"),
        (f"{XNNPACK} {PART}".replace("XNNPACK", "GPU"), "gpu", "a part only.*took 1411 of 1432 nodes"),
        (f"{XNNPACK} {WHOLE}".replace("XNNPACK", "NNAPI"), "gpu", "applied NNAPI beside or instead"),
    ],
)
def test_silent_fall_back(applied: str, delegate: Delegate, says: str) -> None:
    """A figure of the CPU under the GPU's name, or one without XNNPACK, is another measurement."""
    _differs(parse(classic(applied=applied)), says, delegate)


@pytest.mark.parametrize("delegate", ["gpu", "nnapi"])
def test_whole_delegation_is_accepted(delegate: Delegate) -> None:
    """The rule must let the true case through."""
    _expect(parse(classic(applied=f"{XNNPACK} {WHOLE}".replace("XNNPACK", delegate.upper()))), delegate)


def test_litert_delegates() -> None:
    """That dialect says nothing of delegates but how many nodes each took."""
    gpu = litert().replace("TfLiteXNNPackDelegate", "LITERT_CL")
    _expect(parse(gpu), "gpu", cores=())
    _differs(parse(gpu), "another computes: LITERT_CL took 1432 of 1432", cores=())
    _differs(parse(gpu.replace("Replacing 1432", "Replacing 1400")), "a part only", "gpu", cores=())
    _differs(parse(litert()), "GPU was asked for and computes nothing: TfLiteXNN", "gpu", cores=())
    bare = "\n".join(line for line in litert().split("\n") if "Replacing" not in line)
    _differs(parse(bare), "XNNPACK was asked for and computes nothing", cores=())
    _expect(parse(f"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n{bare}"), cores=())
    _differs(parse(gpu.replace("INFO: STARTING!", litert().split("\n")[3])), "a part only", "gpu", cores=())
    _expect(parse(litert(taken="1400")), cores=())


def test_words_of_a_failure() -> None:
    """The last line says only that it failed; why stands before it."""
    text = "INFO: STARTING!\nERROR: Failed to load model x\nERROR: Benchmarking failed.\n"
    assert failed_words(text) == "ERROR: Failed to load model x"
    assert failed_words("Segmentation fault\n") == "Segmentation fault"
    assert failed_words("") == "no word"
