"""Whatever a device, a file or a user says: a value or one of our errors, never another exception.

Each reader gets random input and damaged copies of good input. `make fuzz` looks fifty times longer.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import pkgutil
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import android_runner
from android_runner import (
    battery_text,
    benchmark_model_expect,
    benchmark_model_text,
    clocks,
    cores,
    device_text,
    kernel_text,
    lease,
    parse,
    probe,
    selector,
    sequences,
    server_list,
    shell_protocol,
    thermal_text,
)
from android_runner.link import HOST
from benchmark.pairs.faults import FAULTS
from benchmark.pairs.form import forms_of
from benchmark.pairs.read import read_pairs
from export import runtime
from results import decode, predictions, samples
from results.encode import encode
from results.errors import HarnessError
from tests.android_runner.device_samples import (
    EMULATOR,
    EMULATOR_GETPROP,
    HIDL_THRESHOLDS,
    PIXEL_2_CPUINFO,
    PIXEL_6,
    PIXEL_8_PRO_BATTERY,
    PIXEL_8_RELATED_CPUS,
    PIXEL_8_TIME_IN_STATE,
    PIXEL_ANDROID_15,
    POWER,
    THROTTLED,
)
from tests.android_runner.test_benchmark_model_text import classic, litert
from tests.android_runner.tiny_model import LENGTH, some_sequences, tiny_model
from tests.benchmark import pair_files
from tests.results.make_run import make_run, samples_text

# What spoils numbers, lines, quotes and encodings more often than chance would.
_SPLINTERS = (
    *(
        "",
        "0",
        "-1",
        "1e300",
        "1e400",
        "nan",
        "9" * 19,
        "9" * 5000,
        "0-99999999999",
        "²",
        "٣",
        "é",
        "\0",
        "\x85",
    ),
    *("\r\n", "\n", "\t", '"', "]", "[", ":", ",", " ", "\ufeff"),
)
_DF = "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/dm-5 9 8 1 89% /data\n"
_SAMPLES = samples_text(np.array([61_000_000, 62_000_000])).decode()


def _predictions() -> bytes:
    return next(raw for name, raw in make_run().raw.items() if name.endswith(".csv"))


def _launch(body: str) -> object:
    """A samples file whose checksum and end marker are right, whatever stands above them."""
    end = f"crc32 {zlib.crc32(body.encode()):08x}\nend warmup=1 timed=1 logits=1\n"
    return parse.parse_samples(body + end, source="phone")


_LAUNCH = "\n".join(
    (
        *("mobilebert-samples 1", "program 1", f"runtime_sha256 {'a' * 64}", f"model_sha256 {'b' * 64}"),
        *("sequences_crc32 0000c0de", "abi aarch64", "threads 2", "cores 4,7", "worker_cores 4,7"),
        *("seed 7", "fully_accelerated 1", "load_ns 3", "first_inference_ns 900", "peak_rss_bytes 5"),
        *("rows 1", "inference 0 w 5 s128 0 900 4", "inference 1 t 5 s128 950 500 7"),
        "logits 5 -0.0412345 1e-07 12\n",
    )
)
_LEASE = (
    f"dfc457c0-b4df\n24585.21\nthere {'c' * 64}\nlease 1 token={'1' * 16} host={'2' * 16} "
    f"host_boot={'3' * 16} pid=77 started=5812 boot={'4' * 16} until=25486\n"
)
# The sections of a device's answers, in the order in which `_device` cuts them.
_TOLD = "\x1e".join(
    (
        "[ro.product.cpu.abi]: [x86_64]\n[ro.build.version.sdk]: [33]\n[ro.serialno]: [AB12]\n",
        *("x86_64\n", "6.1.0\n", PIXEL_2_CPUINFO, "MemTotal:        5590616 kB\n", "0-3\n"),
        *("Cpus_allowed_list:\t0-3\n", "0 261 1785600 -\n1 261 1785600 -\n", _DF),
    )
)
_QUESTIONS = ("properties", "machine", "kernel", "cpuinfo", "memory", "online", "allowed", "cores", "free")


def _device(text: str) -> object:
    told = {**dict.fromkeys(_QUESTIONS, ""), **dict(zip(_QUESTIONS, text.split("\x1e"), strict=False))}
    return [probe.device_of(told, name) for name in ("tcp:phone:5555", HOST)]


def _shell(text: str, *, v2: bool) -> None:
    """In pieces, as connections cut them; an answer without an end is a lost device."""
    call = shell_protocol.ShellCall("true", v2=v2)
    data = text.encode()
    for start in range(0, len(data), 7):
        call.feed(data[start : start + 7])
    with contextlib.suppress(ConnectionResetError):
        call.result()


_STAT = "4242 (sh) S 1 4242 4242 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 2 3\n"
TEXTS: dict[str, tuple[Callable[[str], object], str]] = {
    "getprop": (device_text.parse_getprop, "[ro.product.model]: [Pixel 4]\n[a.b]: [two\nlines]\n"),
    "getprop of an emulator": (device_text.parse_getprop, EMULATOR_GETPROP),
    "thermal": (thermal_text.parse_thermalservice, PIXEL_6),
    "emulator": (thermal_text.parse_thermalservice, EMULATOR),
    "throttled": (thermal_text.parse_thermalservice, THROTTLED + HIDL_THRESHOLDS),
    "android 15": (thermal_text.parse_thermalservice, PIXEL_ANDROID_15),
    "battery": (battery_text.parse_battery, PIXEL_8_PRO_BATTERY),
    "power": (battery_text.parse_power, POWER),
    "setting": (battery_text.parse_setting, "15\n"),
    "cpuinfo": (kernel_text.parse_cpuinfo, PIXEL_2_CPUINFO),
    "arm parts": (kernel_text.parse_arm_parts, PIXEL_2_CPUINFO),
    "cores": (kernel_text.parse_core_list, "0-3,6\n"),
    "allowed": (kernel_text.parse_allowed, "Cpus_allowed_list:\t0-3,7\n"),
    "df": (device_text.parse_df, _DF),
    "memory": (kernel_text.parse_memory, "MemTotal:        5590616 kB\nMemFree: 1 kB\n"),
    "load": (kernel_text.parse_load, "0.42 1.50 2.25 3/912 12345\n"),
    "uptime": (kernel_text.parse_uptime_s, "24585.21 91234.00\n"),
    "boot": (kernel_text.parse_boot_id, "dfc457c0-b4df-4521-8db5-c36ab3a5c6c1\n"),
    "cpuset": (kernel_text.parse_cpuset, "/foreground\n"),
    "clocks": (
        clocks.parse_clock_ticks,
        f"cores {PIXEL_8_RELATED_CPUS}{PIXEL_8_TIME_IN_STATE}cores 8\n1 2\n",
    ),
    "time in state": (kernel_text.parse_time_in_state, PIXEL_8_TIME_IN_STATE),
    "rows of cores": (cores.core_rows, "0 261 1785600 -\n4 871 2419200 2419200\n"),
    "api level": (probe.parse_api_level, "33"),
    "device": (_device, _TOLD),
    "shell": (lambda text: _shell(text, v2=True), f"\1{chr(len(_STAT))}\0\0\0{_STAT}\3\1\0\0\0\7"),
    "shell before Android 7": (lambda text: _shell(text, v2=False), f"{_STAT}out\nmbb-0:0\n"),
    "servers": (server_list.parse_server_list, "192.168.1.7:5555  device usb:1-1 model:Pixel_4\n"),
    "address": (selector.parse_selector, "tcp:[fe80::1%eth0]:5555"),
    "server selector": (selector.parse_selector, "server:[fe80::1]:5037/usb:1-4.2"),
    "lease": (lease.parse_lease, _LEASE),
    "launch": (_launch, _LAUNCH),
    "benchmark_model": (benchmark_model_text.parse, classic()),
    "benchmark_model of litert": (benchmark_model_text.parse, litert()),
    "benchmark_model that failed": (
        lambda text: (benchmark_model_expect.failed_words(text), benchmark_model_expect.fell_back(text)),
        classic(more="ERROR: Disallowed CPU fallback detected.\n"),
    ),
}
FILES: dict[str, tuple[Callable[[bytes], object], Callable[[], bytes]]] = {
    "samples": (lambda data: samples.read_samples(data, "x"), _SAMPLES.encode),
    "predictions": (
        lambda data: predictions.read_predictions(data, "x"),
        lambda: b"".join(_predictions().splitlines(keepends=True)[:5]),
    ),
    "record": (lambda data: decode.decode_record(data, "x"), lambda: encode(make_run(launches=1).record)),
}


def _damaged(good: Any, splinters: tuple[Any, ...]) -> st.SearchStrategy[Any]:  # noqa: ANN401 (str or bytes)
    """Copies of `good` in which one to four stretches are replaced."""

    def replace(edits: list[tuple[float, int, Any]]) -> Any:  # noqa: ANN401
        text = good
        for place, length, new in edits:
            at = int(place * len(text))
            text = text[:at] + new + text[at + length :]
        return text

    edit = st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(splinters))
    return st.lists(edit, min_size=1, max_size=4).map(replace)


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
def test_fuzz_texts(name: str, data: st.DataObject) -> None:
    """A vendor's text in a form that nobody has seen yet must be told as such."""
    read, good = TEXTS[name]
    text = data.draw(st.text() | _damaged(good, _SPLINTERS))
    with contextlib.suppress(HarnessError):
        read(text)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_fuzz_files(name: str, data: st.DataObject) -> None:
    """A file of a run folder after a crash, a bad disk or an editor."""
    read, good = FILES[name]
    splinters = (*(splinter.encode() for splinter in _SPLINTERS), b"\xff")
    content = data.draw(st.binary() | _damaged(good(), splinters))
    with contextlib.suppress(HarnessError):
        read(content)


def test_every_parser_is_fuzzed() -> None:
    """A new parser of a device's words that nobody added above would never be looked at."""
    parsers = set()
    for found in pkgutil.iter_modules(android_runner.__path__, "android_runner."):
        for name, one in vars(importlib.import_module(found.name)).items():
            if name.startswith("parse_") and getattr(one, "__module__", "") == found.name:
                parsers.add(one)
    assert len(parsers) > 15
    # A samples file is fuzzed with its checksum put right.
    assert parsers - {read for read, _ in TEXTS.values()} - {parse.parse_samples} == set()


# Past 64 bits, past what a float can hold, past what Python turns into a number.
@pytest.mark.parametrize("digits", [19, 20, 400, 5000])
@pytest.mark.parametrize("name", [*TEXTS, *FILES])
def test_fuzz_every_number_too_long(name: str, digits: int) -> None:
    """What chance seldom finds: each number of a good text in turn is one that nothing can hold."""
    for match in re.finditer(r"[0-9]+", _good(name)):
        text = _good(name)[: match.start()] + "9" * digits + _good(name)[match.end() :]
        with contextlib.suppress(HarnessError):
            TEXTS[name][0](text) if name in TEXTS else FILES[name][0](text.encode())


@functools.cache
def _good(name: str) -> str:
    return TEXTS[name][1] if name in TEXTS else FILES[name][1]().decode()


_JSON = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)


@given(data=st.data())
def test_fuzz_records_of_other_values(data: st.DataObject) -> None:
    """JSON that is whole, with one value of another type, size or shape: the schema must know them all."""
    tree = json.loads(encode(make_run(launches=1).record))
    at: Any = tree
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans())):
            break
        at = at[key]
    at[key] = data.draw(_JSON)
    with contextlib.suppress(HarnessError):
        encode(decode.decode_record(json.dumps(tree).encode(), "x"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


_PAIR_FILES = (
    pair_files.tsv("glue").encode(),
    pair_files.tsv("hans", pair_files.HANS_PAIRS).encode(),
    pair_files.comma("four-columns").encode(),
    pair_files.json_lines("snli").encode(),
)
_PAIR_SPLINTERS = (
    *(one.encode() for one in _SPLINTERS),
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"{",
    b"\r",
    b"null",
)


@given(data=st.data())
def test_fuzz_pairs(folder: Path, data: st.DataObject) -> None:
    """A user's own TSV, CSV or JSON lines, from an editor or a spreadsheet."""
    path = folder / "pairs"
    path.write_bytes(data.draw(_damaged(data.draw(st.sampled_from(_PAIR_FILES)), _PAIR_SPLINTERS)))
    _sound_pairs(path, data)


@given(data=st.data())
def test_fuzz_pairs_of_the_hub(folder: Path, data: st.DataObject) -> None:
    """Arrow's own reader runs in this process: a damaged parquet file must not take it down."""
    path = folder / "pairs"
    content = bytearray(pair_files.parquet(path).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    _sound_pairs(path, data)


@given(data=st.data())
def test_fuzz_bytes_as_pairs(folder: Path, data: st.DataObject) -> None:
    """Whatever is given to --pairs; the sign of a format, and nothing of it after that."""
    path = folder / "pairs"
    sign = data.draw(st.sampled_from((b"", b"PAR1", b"\x1f\x8b\x08", b"{", b"\xef\xbb\xbf")))
    path.write_bytes(sign + data.draw(st.binary(max_size=300)))
    _sound_pairs(path, data)


def _sound_pairs(path: Path, data: st.DataObject) -> None:
    """One of our errors, or pairs that are whole, with each row in them or counted."""
    with contextlib.suppress(HarnessError):
        table = read_pairs(path, origin="test", skip=data.draw(st.sampled_from(((), FAULTS))))
        frame = table.frame
        assert len(frame) == table.rows_total > 0
        assert frame["row"].is_unique
        assert set(frame["label"]) <= set(table.gold)
        for text in (*frame["premise"], *frame["hypothesis"]):
            assert text.strip()
            text.encode()


@given(data=st.data())
def test_fuzz_pair_forms(folder: Path, data: st.DataObject) -> None:
    """A user's own declared table."""
    good = (
        '[x]\nformats = ["tsv"]\nrow = "n"\npremise = "a"\nhypothesis = "b"\nlabel = "c"\nmissing = ["-"]\n'
    )
    path = folder / "form.toml"
    path.write_bytes(data.draw(_damaged(good, _SPLINTERS)).encode())
    with contextlib.suppress(HarnessError):
        forms_of(str(path))


@given(data=st.data())
def test_fuzz_sequences(folder: Path, data: st.DataObject) -> None:
    """The checksum is right and the values are not: sizes that multiply to anything, ids out of range."""
    body = some_sequences(2).to_bytes()[:-4]
    words = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\x01\0\0\0")
    damaged = data.draw(_damaged(body, words))
    path = folder / "rows.seq"
    path.write_bytes(damaged + zlib.crc32(damaged).to_bytes(4, "little"))
    with contextlib.suppress(HarnessError):
        sequences.read(path)


@given(data=st.data())
def test_fuzz_models(folder: Path, data: st.DataObject) -> None:
    """LiteRT's own reader runs in this process: a damaged .tflite must not take it down."""
    content = bytearray(tiny_model(LENGTH).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = folder / "model.tflite"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    with contextlib.suppress(HarnessError):
        interpreter = runtime.open_runtime(path, threads=1)
        ones = np.ones(interpreter.length, np.int32)
        interpreter.logits(ones, ones, ones)
