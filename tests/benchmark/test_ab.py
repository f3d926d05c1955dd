"""`mobilebert-bench ab` on a virtual phone: two arms of every kind, one session, launches in pairs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from android_runner.bundle import device_bundle
from android_runner.native import wheel
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import pixel8
from benchmark import parity_run
from benchmark.cli import call
from benchmark.journal import Journal
from export.artifact import MODEL, build
from export.checkpoint import open_checkpoint
from export.lengths import DEFAULT_LENGTHS
from results.recompute import conclude
from results.record import DeviceParity
from results.store import RunStore
from tests.android_runner.stand_in import stand_in

pytestmark = pytest.mark.adbd

RUN = Path("runs/0001")
TINY = (
    "--launches",
    "5",
    "--inferences",
    "8",
    "--warmup-inferences",
    "2",
    "--warmup-seconds",
    "0",
    "--repeats",
    "0",
)
AB = Callable[..., int]


@pytest.fixture(scope="module")
def phone() -> Iterator[VirtualPhone]:
    with VirtualPhone(pixel8()) as one:  # which has a fixed-performance mode
        yield one


@pytest.fixture
def ab(run: Callable[..., int], phone: VirtualPhone, small_checkpoint: Path) -> AB:
    """The command with the small checkpoint, of whose launches nothing is to be decided."""
    fixed = ("--device", phone.selector, "--checkpoint", str(small_checkpoint), *TINY)
    return lambda *asked: call(["ab", *fixed, *asked])


def record(run: Path = RUN) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "record.json").read_text())
    return found


def rounds(run: dict[str, Any]) -> list[list[str]]:
    """The arms of each pair, in the order in which they ran."""
    arms = [(one["index"], one["arm"]) for one in run["launches"]]
    return [[arm for index, arm in arms if index == number] for number in range(run["settings"]["launches"])]


def test_two_recipes(ab: AB, capfd: pytest.CaptureFixture[str]) -> None:
    """The ordinary use: the same rows in both arms, pairs of random order, judged from the folder alone."""
    assert ab("float32", "dynamic_int8", "--fixed-performance", "--commit", "abc") in (0, 1, 3)
    run = record()
    assert [(one["name"], one["said"], one["recipe"]) for one in run["comparing"]["arms"]] == [
        ("a", "float32", "float32"),
        ("b", "dynamic_int8", "dynamic_int8"),
    ]
    assert [(one["arm"], one["recipe"], one["status"]) for one in run["parities"]] == [
        ("a", "float32", "passed"),
        ("b", "dynamic_int8", "passed"),
    ]
    assert {tuple(sorted(pair)) for pair in rounds(run)} == {("a", "b")}
    firsts = [pair[0] for pair in rounds(run)]
    assert sorted((firsts.count("a"), firsts.count("b"))) == [2, 3]  # a coin can fall on one side five times
    assert {(one["arm"], one["recipe"]) for one in run["launches"]} == {
        ("a", "float32"),
        ("b", "dynamic_int8"),
    }
    names = [one["samples_file"] for one in run["launches"]]
    assert names[rounds(run)[0].index("a")] == f"launch-{rounds(run)[0].index('a'):03d}-a-float32.samples"
    crcs = {_header(RUN / name)["sequences_crc32"] for name in names}
    assert len(crcs) == 1  # the very same rows
    assert run["settings"]["fixed_performance"]
    assert run["settings"]["commit"] == "abc"
    assert (run["comparing"]["threshold"]["share"], run["comparing"]["same"]) == (0.02, False)
    judged = {name: (RUN / name).read_bytes() for name in ("comparison.json", "report.txt")}
    assert judged["report.txt"].decode() in capfd.readouterr().out
    conclude(RunStore.open(RUN))
    assert {name: (RUN / name).read_bytes() for name in judged} == judged


def after(launches: int, act: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    """Let something happen once so many launches were saved."""
    add, done = Journal.add, [False]

    def add_and_act(self: Journal, step: str, **changes: Any) -> None:  # noqa: ANN401
        add(self, step, **changes)
        if step == "launches" and len(self.record.launches) == launches and not done[0]:
            done[0] = True
            act()

    patch.setattr(Journal, "add", add_and_act)


def test_settings_stopped_and_resumed(ab: AB, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arms may differ by a setting alone; a run that was stopped has the same pairs as one that was not."""

    def stop() -> None:
        raise KeyboardInterrupt

    other = "threads=2,cores=all,length-policy=shortest"
    asked = ("threads=1", other, "--recipe", "float32", "--allow-undecided")
    with monkeypatch.context() as patch:
        after(3, stop, patch)
        assert ab(*asked, "--launches", "3") == 130
    kept = record()
    assert call(["resume", str(RUN)]) in (0, 1)
    run = record()
    assert run["launches"][:3] == kept["launches"]
    assert {tuple(sorted(pair)) for pair in rounds(run)} == {("a", "b")}
    assert [one["order"] for one in run["launches"]] == list(range(6))
    assert {(one["arm"], one["threads"], len(one["cores"])) for one in run["launches"]} == {
        ("a", 1, 1),
        ("b", 2, 0),
    }
    assert [(one["threads"], one["cores"]) for one in run["comparing"]["arms"]] == [(1, "big"), (2, "all")]
    for one in run["launches"]:
        lines = (RUN / one["samples_file"]).read_text().splitlines()
        ran = {line.split()[4] for line in lines if line.startswith("inference ")}
        assert ("s128" in ran) == (one["arm"] == "a")  # the example's pairs are short
    assert (run["settings"]["threads"], run["settings"]["cores"]) == (1, "big")
    assert [one["arm"] for one in run["parities"]] == ["a", "b"]
    assert [one["recipe"] for one in run["artifacts"]] == ["float32"]


def test_two_files_of_one_name_on_two_runtimes(
    ab: AB, phone: VirtualPhone, small_checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only hashes tell apart stays apart, also when a restart has emptied the phone's work folder."""
    made = build(open_checkpoint(str(small_checkpoint)), "float32", DEFAULT_LENGTHS, cache / "artifacts")
    for name in ("one", "other"):
        Path(name).mkdir()
        shutil.copy(made.model_path, Path(name, MODEL))
    with Path("other", MODEL).open("ab") as file:
        file.write(bytes(16))  # behind the model: another file that computes the same
    ours = device_bundle("x86_64")
    shutil.copy(ours.folder / wheel.LIBRARY, "built.so")
    with Path("built.so").open("ab") as file:
        file.write(b"\0")

    def restart() -> None:
        phone.power_cut()
        shutil.rmtree(phone.data / "local/tmp/mobilebert-bench")
        phone.start()

    after(1, restart, monkeypatch)
    asked = ("one/model.tflite", "model=other/model.tflite,runtime=built.so", "--allow-undecided")
    assert ab(*asked, "--launches", "2") in (0, 1)
    run = record()
    assert [one["error"] for one in run["interruptions"]] == ["device-lost"]
    digests = [hashlib.sha256(Path(name, MODEL).read_bytes()).hexdigest() for name in ("one", "other")]
    assert [one["model_sha256"] for one in run["artifacts"]] == digests
    assert {one["recipe"] for one in run["artifacts"]} == {"model"}
    assert [one["model_sha256"] for one in run["comparing"]["arms"]] == digests
    library = hashlib.sha256(Path("built.so").read_bytes()).hexdigest()
    runtimes = [one["program"]["runtime_sha256"] for one in run["comparing"]["arms"]]
    assert runtimes == [ours.program.runtime_sha256, library]
    assert run["comparing"]["arms"][1]["program"]["runtime_version"] == "unknown"
    for one in run["launches"]:  # as the program itself says
        at = "ab".index(one["arm"])
        header = _header(RUN / one["samples_file"])
        assert (header["model_sha256"], header["runtime_sha256"]) == (digests[at], runtimes[at])
    assert {tuple(sorted(pair)) for pair in rounds(run)} == {("a", "b")}
    assert [one["status"] for one in run["parities"]] == ["passed", "passed"]
    left = [path.name for path in (phone.data / "local/tmp").rglob("*") if path.suffix in (".part", ".seq")]
    assert left == []


def test_one_arm_against_itself(ab: AB) -> None:
    """An A/A run is two arms in everything but what they ask for; its floor is the next one's threshold."""
    assert ab("float32", "--aa", "--threads", "1", "--allow-undecided") in (0, 1)
    run = record()
    assert run["comparing"]["same"]
    first, second = (one | {"name": ""} for one in run["comparing"]["arms"])
    assert first == second
    assert {tuple(sorted(pair)) for pair in rounds(run)} == {("a", "b")}
    assert [one["arm"] for one in run["parities"]] == ["a", "b"]
    floor = json.loads((RUN / "comparison.json").read_text())["noise_floor"]
    assert floor > 0


def test_an_arm_that_computes_something_else(
    ab: AB, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """How fast the wrong answer comes is no comparison: nothing is timed, and nothing is decided."""
    real, checked = parity_run.compare, []

    def second_fails(*given: Any, **named: Any) -> DeviceParity:  # noqa: ANN401
        checked.append(real(*given, **named))
        wrong = dataclasses.replace(checked[-1], status="failed", reasons=("8 of 8 rows differ",))
        return checked[-1] if len(checked) == 1 else wrong

    monkeypatch.setattr(parity_run, "compare", second_fails)
    assert ab("threads=1", "threads=2", "--recipe", "float32") == 3
    run = record()
    assert [(one["arm"], one["status"]) for one in run["parities"]] == [("a", "passed"), ("b", "failed")]
    assert run["launches"] == []
    assert run["ended_at"] is not None
    assert "8 of 8 rows differ" in capfd.readouterr().out


def test_two_delegates_of_benchmark_model(ab: AB) -> None:
    """Google's program as well: its delegates are settings, and it is one program for both arms."""
    program = ("--runner", "benchmark_model", "--binary", str(stand_in("classic")))
    asked = ("delegate=cpu", "delegate=gpu", "--recipe", "float32", *program, "--launches", "2")
    assert ab(*asked, "--allow-undecided") in (0, 1)
    run = record()
    assert [one["delegate"] for one in run["comparing"]["arms"]] == ["cpu", "gpu"]
    assert {one["program"]["runtime"] for one in run["comparing"]["arms"]} == {"benchmark_model"}
    assert sorted(one["arm"] for one in run["launches"]) == ["a", "a", "b", "b"]
    assert all(one["summary"]["count"] == 8 for one in run["launches"])


@pytest.mark.parametrize(
    ("arms", "code", "words"),
    [
        (
            ("recipe=float32,threads=2", "float32"),
            2,
            ("come out as the same on this device", "--aa recipe=float32,threads=2"),
        ),
        (("float32", "float32,threads=3"), 2, ("3 threads do not fit on the 2 cores",)),
        (("float32", "float32,runtime=libm.so"), 4, ("run-failed", "C interface of version 2.3")),
    ],
)
def test_what_only_the_device_can_tell(
    ab: AB, capfd: pytest.CaptureFixture[str], arms: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    """Arms that are one on this device, too many threads, a library that is not LiteRT."""
    shutil.copy(device_bundle("x86_64").folder / "libm.so.6", "libm.so")
    assert ab(*arms) == code
    err = capfd.readouterr().err
    for word in words:
        assert word in err
    assert "Traceback" not in err
    assert record()["launches"] == []


def _header(path: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in path.read_text().splitlines()[:14])
