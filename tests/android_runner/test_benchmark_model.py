"""One launch of another device program, over a real adbd: a stand-in is benchmark_model, nothing is ADB."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from android_runner.adb import AdbTcpLink
from android_runner.benchmark_model import command, launch, mask, send_binary
from android_runner.benchmark_model_text import Dialect, Report
from android_runner.binary import Binary, open_binary
from android_runner.bundle import Bundle
from android_runner.busy import check_idle
from android_runner.feed import feed, inputs_of
from android_runner.link import HostLink
from android_runner.run import Order, Workplace, send
from android_runner.virtual.phone import VirtualPhone
from results.device import Delegate
from results.errors import (
    AbiUnsupported,
    ConfigError,
    DeviceBusy,
    OutputUnreadable,
    RunDiffers,
    RunFailed,
    RunTimedOut,
)
from tests.android_runner.stand_in import stand_in
from tests.android_runner.tiny_model import LENGTH, LONGER, edited, some_sequences, tiny_model

FOLDER = "/data/local/tmp/it's a folder"
SIGNATURE = f"s{LENGTH}"
Tree = Any  # TFLite's object tree has no types


def _binary(dialect: Dialect = "classic", *, for_phone: bool = True) -> Binary:
    return open_binary(str(stand_in(dialect, for_phone=for_phone)), "x86_64", Path("/nowhere"))


def _place(link: HostLink | AdbTcpLink, folder: str = FOLDER, abi: str = "x86_64") -> Workplace:
    program = _binary().program
    bundle = Bundle(abi=abi, folder=Path("/nowhere"), files=(), program=program, loader=None)
    return Workplace(link=link, folder=folder, bundle_folder=f"{folder}/bundle", bundle=bundle)


@pytest.fixture(scope="module")
def place(virtual_root: Path) -> Iterator[Workplace]:
    """One phone for all tests, with both stand-ins on it."""
    with VirtualPhone() as phone, contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
        link.reconnect(timeout_s=10)
        workplace = _place(link)
        for dialect in ("classic", "litert"):
            send_binary(workplace, _binary(dialect))  # type: ignore[arg-type]
        yield workplace


Try = Callable[..., Report]


def _order(place: Workplace, tmp_path: Path, behaviour: str, **options: object) -> Order:
    words = tmp_path / "words"
    words.write_text(f"{behaviour} \n", encoding="utf-8")
    digest = hashlib.sha256(words.read_bytes()).hexdigest()
    chosen: dict[str, object] = {
        "model": send(place, words, f"{digest[:16]}.tflite", sha256=digest),
        "model_sha256": digest,
        "sequences": "",
        "row_ids": np.array([5], np.int32),
        "threads": 2,
        "cores": (),
        "seed": 1,
        "inferences": 20,
        "warmup_inferences": 3,
        "warmup_s": 0.0,
        "timeout_s": 20.0,
    }
    return Order(**(chosen | options))  # type: ignore[arg-type]


@pytest.fixture
def attempt(place: Workplace, tmp_path: Path) -> Try:
    """Launch the stand-in once, told how to behave."""

    def run(
        behaviour: str = "",
        *,
        dialect: Dialect = "classic",
        binary: Binary | None = None,
        delegate: Delegate = "cpu",
        **options: object,
    ) -> Report:
        binary, order = binary or _binary(dialect), _order(place, tmp_path, behaviour, **options)
        fed = feed(place, binary, tiny_model(LENGTH), SIGNATURE, some_sequences())
        report, raw = launch(place, order, binary, delegate, fed)
        assert raw.startswith(b"Cpus_allowed_list:")
        return report

    return run


@pytest.mark.adbd
@pytest.mark.parametrize("dialect", ["classic", "litert"])
def test_exactly_so_many_runs(attempt: Try, dialect: Dialect) -> None:
    """Its own defaults run for at least a second; the word of an order is a count."""
    core = min(os.sched_getaffinity(0))
    report = attempt(dialect=dialect, cores=(core,))
    assert report.warmup is not None
    assert (report.dialect, report.warmup.count, report.timed.count) == (dialect, 3, 20)
    assert report.timed.min_ns >= 200_000
    assert report.cores == (core,)


@pytest.mark.adbd
def test_warmup_by_time(attempt: Try) -> None:
    """At least so many inferences and so long: both have to be met."""
    report = attempt(warmup_s=0.1)
    assert report.warmup is not None
    assert report.warmup.count > 20


@pytest.mark.adbd
@pytest.mark.parametrize("delegate", ["gpu", "nnapi"])
def test_delegates(attempt: Try, delegate: Delegate) -> None:
    """The reason to have this program at all."""
    (applied,) = attempt(delegate=delegate).applied
    assert (applied.delegate, applied.completely) == (delegate.upper(), True)


@pytest.mark.adbd
def test_litert_gpu(place: Workplace, attempt: Try, tmp_path: Path) -> None:
    """Its code for GPUs is a library, which has to lie beside the program, here and there."""
    with pytest.raises(RunFailed, match="No GPU accelerator"):
        attempt(dialect="litert", delegate="gpu")
    shutil.copy(stand_in("litert"), tmp_path / "benchmark_model")
    shutil.copy(stand_in("classic"), tmp_path / "libLiteRtOpenClAccelerator.so")
    binary = open_binary(str(tmp_path / "benchmark_model"), "x86_64", tmp_path)
    assert binary.program.runtime_sha256 != binary.program.program_sha256 == _binary("litert").sha256
    assert send_binary(place, binary) != send_binary(place, _binary("litert"))
    report = attempt(binary=binary, delegate="gpu")
    assert report.replaced[0].delegate == "LITERT_CL"


@pytest.mark.adbd
def test_litert_has_no_nnapi(attempt: Try) -> None:
    """Known before a launch is lost to it."""
    with pytest.raises(ConfigError, match="no NNAPI"):
        attempt(dialect="litert", delegate="nnapi")


@pytest.mark.adbd
@pytest.mark.parametrize("dialect", ["classic", "litert"])
@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("max_secs=0.01 run_us=4000", r"timed [1-9] inferences, not 20|warmed up with"),
        ("unknown=min_secs", "does not know --min_secs=0"),
        ("deaf=num_threads", 'asked for "Num threads" 2 and does not repeat it'),
        ("delegate=none", "XNNPACK was asked for and computes nothing"),
    ],
)
def test_exit_code_0_and_something_else(attempt: Try, dialect: Dialect, behaviour: str, says: str) -> None:
    """Each of these ends with 0 and figures that look like any others."""
    with pytest.raises(RunDiffers, match=says):
        attempt(behaviour, dialect=dialect)


@pytest.mark.adbd
@pytest.mark.parametrize("delegate", ["gpu", "nnapi"])
def test_part_on_the_cpu(attempt: Try, delegate: Delegate) -> None:
    """The program itself refuses when it is told to; how far the delegate came is in its log."""
    with pytest.raises(RunDiffers, match=f"{delegate.upper()} does not take the whole.* 250 of 263 nodes"):
        attempt("delegate=part", delegate=delegate)


@pytest.mark.adbd
@pytest.mark.parametrize(("behaviour", "code"), [("fail_at=7", 1), ("fail_at=7 forgiving=1", 0)])
def test_failed_inference(attempt: Try, behaviour: str, code: int) -> None:
    """One in the middle; its time would stay in the average."""
    with pytest.raises(RunFailed, match="GATHER") as raised:
        attempt(behaviour)
    assert raised.value.facts.get("exit_code", 0) == code


@pytest.mark.adbd
def test_killed_by_the_system(attempt: Try) -> None:
    """Android kills what uses too much memory, without a word from the program."""
    with pytest.raises(RunFailed, match="exit code 137") as raised:
        attempt("kill_at=2")
    assert "memory" in raised.value.next_step


@pytest.mark.adbd
def test_torn_output(attempt: Try) -> None:
    """A full pipe or a crash at exit: the code is 0, the last line stops within a number."""
    with pytest.raises(OutputUnreadable, match="ends before the figures do, within"):
        attempt("tear_at=4")


@pytest.mark.adbd
def test_model_that_is_not_there(attempt: Try) -> None:
    """The word that says why is the one before the last."""
    with pytest.raises(RunFailed, match="Failed to load model /data/local/tmp/none"):
        attempt(model="/data/local/tmp/none")


@pytest.mark.adbd
def test_core_that_is_not_there(attempt: Try) -> None:
    """A mask of cores that the device does not have."""
    with pytest.raises(RunFailed, match="exit code"):
        attempt(cores=(900,))


@pytest.mark.adbd
def test_program_that_does_not_end(place: Workplace, tmp_path: Path, attempt: Try) -> None:
    """A GPU driver that hangs. While it does, the phone is busy; a new connection ends it."""
    order, binary = _order(place, tmp_path, "hang=1", timeout_s=0.7), _binary()
    fed = feed(place, binary, tiny_model(LENGTH), SIGNATURE, some_sequences())
    with pytest.raises(RunTimedOut):
        launch(place, order, binary, "cpu", fed)
    place.link.reconnect(timeout_s=10)
    _until(place, busy=False)
    # One that another harness started and left: its connection is not ours.
    place.link.run(f"( {command(place, order, binary, 'cpu', fed)} ) >/dev/null 2>&1 &", timeout_s=5)
    pids = _until(place, busy=True)
    place.link.run(f"kill -KILL {' '.join(pids)}", timeout_s=5)
    _until(place, busy=False)


def _until(place: Workplace, *, busy: bool) -> tuple[str, ...]:
    """Ask until it is so, for 10 s at most: a process begins and ends a moment after its cause."""
    deadline = time.monotonic() + 10
    while True:
        try:
            check_idle(place.link)
        except DeviceBusy as err:
            if busy:
                return tuple(map(str, err.facts["pids"]))  # type: ignore[call-overload]
        else:
            if not busy:
                return ()
        assert time.monotonic() < deadline


@pytest.mark.adbd
def test_program_of_another_system(place: Workplace) -> None:
    """An ordinary Linux program: a phone's shell only says "not found", of a file that is there."""
    linux = _binary(for_phone=False)
    assert linux.interpreter == "/lib64/ld-linux-x86-64.so.2"
    with pytest.raises(AbiUnsupported, match=r"needs /lib64/ld-linux-x86-64\.so\.2, which"):
        send_binary(place, linux)


def test_program_for_another_processor(tmp_path: Path) -> None:
    """Refused before a byte of it is sent."""
    with pytest.raises(AbiUnsupported, match="is for x86_64, and host runs arm64-v8a"):
        send_binary(_place(HostLink(), str(tmp_path), abi="arm64-v8a"), _binary())


def test_host_runs_it_too(tmp_path: Path) -> None:
    """The same command without ADB, in a folder of any name."""
    place, binary = _place(HostLink(), str(tmp_path / "it's $(my) cache")), _binary(for_phone=False)
    send_binary(place, binary)
    fed = feed(place, binary, tiny_model(LENGTH), SIGNATURE, some_sequences())
    report, _ = launch(place, _order(place, tmp_path, ""), binary, "cpu", fed)
    assert report.timed.count == 20


def test_masks() -> None:
    """Toybox reads no 0x, and decimal digits as hexadecimal."""
    assert [mask((0,)), mask((7, 4, 5, 6)), mask((64,))] == ["1", "f0", "10000000000000000"]


def test_inputs_in_the_graph_s_own_order() -> None:
    """benchmark_model pairs files with inputs by their place, and only warns when the names differ."""
    model = tiny_model(LENGTH, LONGER)
    inputs = inputs_of(model, f"s{LONGER}")
    assert [each.name for each in inputs] == ["attention_mask", "input_ids", "token_type_ids"]
    assert {each.shape for each in inputs} == {(1, LONGER)}
    assert [each.tensor for each in inputs] == [f"s{LONGER}_{each.name}:0" for each in inputs]
    with pytest.raises(ConfigError, match="no signature 's9'"):
        inputs_of(model, "s9")


def _renamed(tree: Tree) -> None:
    tree.signatureDefs[0].inputs[1].name = b"tokens"


def _of_floats(tree: Tree) -> None:
    for tensor in tree.subgraphs[0].tensors:
        tensor.type = 0


def _without_types(tree: Tree) -> None:
    tree.subgraphs[0].inputs = tree.subgraphs[0].inputs[:2]


def _with_a_comma(tree: Tree) -> None:
    for tensor in tree.subgraphs[0].tensors:
        tensor.name = b"a,b"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_renamed, "has an input 'tokens'"),
        (_of_floats, "has an input 'attention_mask'"),
        (_without_types, "has 2 inputs, not 3"),
        (_with_a_comma, "comma in its name"),
    ],
)
def test_model_with_other_inputs(tmp_path: Path, edit: Callable[[Tree], None], says: str) -> None:
    """Fed with nothing or with the wrong numbers, it would run as well."""
    model = edited(tiny_model(LENGTH), edit, tmp_path / "model.tflite")
    place = _place(HostLink(), str(tmp_path / "device"))
    with pytest.raises(ConfigError, match=says):
        feed(place, _binary(for_phone=False), model, SIGNATURE, some_sequences())


def test_row_for_a_shorter_signature(tmp_path: Path) -> None:
    """Of a padded row the padding is cut, never a token."""
    place, binary = _place(HostLink(), str(tmp_path / "device")), _binary(for_phone=False)
    model, rows = tiny_model(LENGTH, LONGER), some_sequences(length=LONGER)
    used = rows.attention_mask.sum(axis=1)
    short, long = int(np.argmax(used <= LENGTH)), int(np.argmax(used > LENGTH))
    fed = feed(place, binary, model, SIGNATURE, rows.take(np.array([short])))
    assert f"--signature_to_run_for={SIGNATURE}" in fed.arguments
    assert (tmp_path / "device" / fed.files[1]).read_bytes() == rows.input_ids[short, :LENGTH].tobytes()
    with pytest.raises(ConfigError, match=f"longer than the {LENGTH} tokens"):
        feed(place, binary, model, SIGNATURE, rows.take(np.array([long])))
    with pytest.raises(ConfigError, match=f"and the row {LENGTH} tokens"):
        feed(place, binary, model, f"s{LONGER}", some_sequences())
