"""The device's own predictions: every row of the run, once, and what is spoilt is noticed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from android_runner.adb import AdbTcpLink
from android_runner.bundle import device_bundle
from android_runner.lease import Lease
from android_runner.probe import DEVICE_FOLDER, probe
from android_runner.run import set_up
from android_runner.virtual.phone import VirtualPhone
from benchmark import device_accuracy
from benchmark.accuracy import evaluate
from benchmark.bench import Bench, Ready, model_on_device
from benchmark.config import Config
from benchmark.device_accuracy import Chunk, chunks, compare_with_host, evaluate_on_device, run_chunk
from benchmark.inputs import Prepared, prepare
from benchmark.journal import Journal
from benchmark.listener import Listener
from benchmark.session import HELD_S, Session
from benchmark.workers.processes import Here
from export.artifact import ArtifactFiles, build
from export.checkpoint import open_checkpoint
from results.device import LengthPolicy
from results.errors import DeviceLost, RunDiffers
from results.evaluated import DeviceAccuracy
from results.predictions import read_predictions
from results.store import RunStore
from tests.benchmark.small import EXAMPLE
from tests.results.make_run import make_run

ROWS, CHUNK = 40, 16


@pytest.fixture(scope="module")
def files(small_checkpoint: Path, cache: Path) -> ArtifactFiles:
    return build(open_checkpoint(str(small_checkpoint)), "dynamic_int8", lengths=(32, 128), cache_dir=cache)


@pytest.fixture(scope="module")
def pairs(small_checkpoint: Path) -> Prepared:
    checkpoint = open_checkpoint(str(small_checkpoint))
    return prepare(
        Config(pairs=EXAMPLE / "pairs.tsv", vocab=EXAMPLE / "vocab.txt", slice_rows=ROWS),
        length=128,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=False,
        checkpoint_vocabulary=None,
    )


@pytest.fixture
def journal_in(tmp_path: Path) -> Callable[..., Journal]:
    """Make the journal of a new run whose record has nothing but its settings."""

    def make(policy: LengthPolicy = "fixed") -> Journal:
        record = make_run(launches=1).record
        settings = dataclasses.replace(record.settings, length_policy=policy, runtime="ai-edge-litert")
        bare = dataclasses.replace(record, settings=settings, launches=(), accuracies=(), ended_at=None)
        return Journal(RunStore.create(tmp_path / "runs"), bare, Listener())

    return make


@pytest.fixture(scope="module")
def phone() -> Iterator[VirtualPhone]:
    with VirtualPhone() as one:
        yield one


@pytest.fixture
def ready_on(
    pairs: Prepared, files: ArtifactFiles
) -> Iterator[Callable[[VirtualPhone, Journal], tuple[Bench, Ready]]]:
    """Put program and model on a phone, held for the run of that journal."""
    with contextlib.ExitStack() as stack:

        def make(phone: VirtualPhone, journal: Journal) -> tuple[Bench, Ready]:
            link = stack.enter_context(contextlib.closing(AdbTcpLink(phone.host, phone.port)))
            lease = Lease(link, DEVICE_FOLDER)
            lease.take(for_s=HELD_S)
            stack.callback(lease.release)
            session = Session(
                link=link,
                device=probe(link),
                lease=lease,
                journal=journal,
                listener=Listener(),
                wait_s=20.0,
            )
            bench = Bench(
                session=session,
                place=set_up(link, DEVICE_FOLDER, device_bundle("x86_64")),
                threads=1,
                cores=(),
                sequences=pairs.sequences,
                candidates=pairs.candidates,
                host_threads=1,
                same_kernels=True,
            )
            return bench, Ready(
                bench=bench, files=files, model=model_on_device(bench, files), inference_s=0.05
            )

        yield make


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Chunks of 16 rows instead of 256; how many rows each launch had."""
    launched: list[int] = []
    monkeypatch.setattr(device_accuracy, "chunks", lambda pairs: chunks(pairs, CHUNK))
    real = device_accuracy.launch

    def counted(place: object, order: object) -> object:
        launched.append(order.inferences)  # type: ignore[attr-defined]
        return real(place, order)  # type: ignore[arg-type]

    monkeypatch.setattr(device_accuracy, "launch", counted)
    return launched


def _only(journal: Journal) -> DeviceAccuracy:
    (result,) = journal.store.load().device_accuracies
    return result


def _host(ready: Ready, pairs: Prepared, journal: Journal) -> None:
    """This host's predictions, into the record."""
    settings = journal.record.settings
    evaluate(
        ready.files,
        pairs,
        runtime=settings.runtime,
        policy=settings.length_policy,
        workers=Here(),
        journal=journal,
        listener=Listener(),
    )


def _both(bench: Bench, ready: Ready, pairs: Prepared, journal: Journal) -> DeviceAccuracy:
    """The device's predictions and then this host's, as the whole job has them; the record's entry."""
    made = evaluate_on_device(bench, (ready,), pairs, journal, Listener())
    _host(ready, pairs, journal)
    compare_with_host(made, pairs, journal)
    (result,) = journal.store.load().device_accuracies
    return result


def test_chunks_hold_every_row_once(pairs: Prepared) -> None:
    """A row that is lost at a border, or run twice, is another slice than the host's."""
    parts = list(chunks(pairs, CHUNK))
    assert [part.sequences.rows for part in parts] == [16, 16, 8]
    assert [part.end for part in parts] == [16, 32, 40]
    rows = np.concatenate([part.sequences.row_ids for part in parts])
    assert np.array_equal(rows, pairs.sequences.row_ids)


@pytest.mark.adbd
@pytest.mark.parametrize("policy", ["fixed", "shortest"])
def test_the_device_predicts_what_this_host_does(
    policy: LengthPolicy,
    phone: VirtualPhone,
    ready_on: Callable[..., tuple[Bench, Ready]],
    pairs: Prepared,
    journal_in: Callable[..., Journal],
    small_chunks: list[int],
) -> None:
    """The same file on the same processor: every row alike, its logits too, and in the host's order."""
    journal = journal_in(policy)
    result = _both(*ready_on(phone, journal), pairs, journal)
    assert small_chunks == [16, 16, 8]
    (here,) = journal.record.accuracies
    assert (result.rows, result.agreeing) == (ROWS, ROWS)
    assert result.correct == result.host_correct == here.correct
    assert result.max_difference < 1e-4
    assert result.seconds > 0
    device, host = (
        read_predictions((journal.store.folder / name).read_bytes(), name)
        for name in (result.predictions_file, here.predictions_file)
    )
    assert np.array_equal(device.row, host.row)
    assert np.array_equal(device.label, host.label)
    assert np.array_equal(device.predicted, host.predicted)
    left = [path.name for path in (phone.data / "local/tmp").rglob("*")]
    assert [name for name in left if name.endswith((".seq", ".samples", ".part"))] == []


@pytest.mark.adbd
def test_a_stopped_evaluation_goes_on_with_the_next_chunk(
    phone: VirtualPhone,
    ready_on: Callable[..., tuple[Bench, Ready]],
    pairs: Prepared,
    journal_in: Callable[..., Journal],
    small_chunks: list[int],
) -> None:
    """Minutes on a phone are not lost with its cable: what ended before is not run again."""
    journal = journal_in()
    bench, ready = ready_on(phone, journal)
    first, second, _ = chunks(pairs, CHUNK)
    run_chunk(bench, ready, first, journal)
    run_chunk(bench, ready, second, journal)
    torn = journal.store.folder / "device-dynamic_int8-001.samples"
    torn.write_bytes(torn.read_bytes()[:-30])  # a crash of this machine, say
    small_chunks.clear()
    assert _both(bench, ready, pairs, journal).agreeing == ROWS
    assert small_chunks == [16, 8]  # the torn one and the missing one
    small_chunks.clear()
    assert evaluate_on_device(bench, (ready,), pairs, journal, Listener()) == ()
    assert small_chunks == []


@pytest.mark.adbd
def test_a_chunk_of_other_rows_is_not_taken_for_this_one(
    phone: VirtualPhone,
    ready_on: Callable[..., tuple[Bench, Ready]],
    pairs: Prepared,
    journal_in: Callable[..., Journal],
    small_chunks: list[int],
) -> None:
    """Samples of the same row ids and other tokens, such as of another pairs file."""
    journal = journal_in()
    bench, ready = ready_on(phone, journal)
    first = next(chunks(pairs, CHUNK))
    other = dataclasses.replace(first.sequences, token_type_ids=1 - first.sequences.token_type_ids)
    run_chunk(bench, ready, Chunk(number=0, first=0, sequences=other), journal)
    run_chunk(bench, ready, first, journal)
    assert small_chunks == [16, 16]


@pytest.mark.adbd
def test_rows_that_changed_places_are_noticed(
    phone: VirtualPhone,
    ready_on: Callable[..., tuple[Bench, Ready]],
    pairs: Prepared,
    journal_in: Callable[..., Journal],
) -> None:
    """Right logits at wrong rows keep the share of each label: only row by row shows them."""
    journal = journal_in()
    bench, ready = ready_on(phone, journal)
    (whole,) = chunks(pairs)
    run_chunk(bench, ready, whole, journal)
    path = journal.store.folder / "device-dynamic_int8-000.samples"
    path.write_bytes(_rotated(path.read_text()))
    result = _both(bench, ready, pairs, journal)
    assert result.agreeing < ROWS
    assert result.max_difference > 100 * 1e-4


def _rotated(text: str) -> bytes:
    """A samples file, whole in itself, in which each row has its neighbour's logits."""
    lines = text.splitlines()
    at = [index for index, line in enumerate(lines) if line.startswith("logits ")]
    values = [lines[index].split(" ", 2)[2] for index in at]
    for index, value in zip(at, values[1:] + values[:1], strict=True):
        lines[index] = " ".join((*lines[index].split(" ")[:2], value))
    return _whole("".join(f"{line}\n" for line in lines[:-2]), lines[-1])


def _whole(body: str, end: str) -> bytes:
    return (body + f"crc32 {zlib.crc32(body.encode()):08x}\n{end}\n").encode()


@pytest.mark.adbd
def test_a_phone_that_goes_away_and_comes_back(
    ready_on: Callable[..., tuple[Bench, Ready]],
    pairs: Prepared,
    journal_in: Callable[..., Journal],
    small_chunks: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The chunk that was hit is done again, those before it are not, and the record says what happened."""
    journal = journal_in()
    with VirtualPhone() as own:
        bench, ready = ready_on(own, journal)
        counted = device_accuracy.launch

        def cut(place: object, order: object) -> object:
            if len(small_chunks) == 1:
                small_chunks.append(-1)
                own.power_cut()
                own.start()
            return counted(place, order)  # type: ignore[arg-type]

        monkeypatch.setattr(device_accuracy, "launch", cut)
        result = _both(bench, ready, pairs, journal)
    assert small_chunks == [16, -1, 16, 16, 8]  # the second one twice
    assert (result.rows, result.agreeing) == (ROWS, ROWS)
    (hit,) = journal.store.load().interruptions
    assert (hit.error, hit.during) == ("device-lost", "evaluating dynamic_int8 from pair 17 on")


@pytest.mark.adbd
def test_a_phone_that_stays_away_leaves_the_finished_chunks(
    ready_on: Callable[..., tuple[Bench, Ready]], pairs: Prepared, journal_in: Callable[..., Journal]
) -> None:
    """Nothing of the launch that was hit is kept, for `resume` to take for whole."""
    journal = journal_in()
    first, second, _ = chunks(pairs, CHUNK)
    with VirtualPhone() as own:
        bench, ready = ready_on(own, journal)
        run_chunk(bench, ready, first, journal)
        own.power_cut()
        with pytest.raises(DeviceLost):
            run_chunk(bench, ready, second, journal)
    assert [path.name for path in journal.store.folder.glob("device-*")] == [
        "device-dynamic_int8-000.samples"
    ]


@pytest.mark.adbd
def test_logits_that_are_no_numbers_are_refused(
    phone: VirtualPhone,
    ready_on: Callable[..., tuple[Bench, Ready]],
    pairs: Prepared,
    journal_in: Callable[..., Journal],
) -> None:
    """NaN has no largest label: argmax would make one up."""
    journal = journal_in()
    bench, ready = ready_on(phone, journal)
    (whole,) = chunks(pairs)
    run_chunk(bench, ready, whole, journal)
    path = journal.store.folder / "device-dynamic_int8-000.samples"
    lines = path.read_text().splitlines()
    row = pairs.sequences.row_ids[7]
    at = next(index for index, line in enumerate(lines) if line.startswith(f"logits {row} "))
    lines[at] = f"logits {row} 0.5 nan 0.1"
    path.write_bytes(_whole("".join(f"{line}\n" for line in lines[:-2]), lines[-1]))
    with pytest.raises(RunDiffers, match=rf"1 pairs .* first of pair {row}"):
        evaluate_on_device(bench, (ready,), pairs, journal, Listener())


@pytest.mark.adbd
def test_the_whole_job(
    run: Callable[..., int], phone: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    """Asked for on the command line, the device's predictions stand in the record and in the report."""
    assert run(phone.selector, "--accuracy-on", "device", "--slice", "40") == 0
    record = json.loads(Path("runs/0001/record.json").read_text())
    (device,) = record["device_accuracies"]
    here = next(one for one in record["accuracies"] if one["recipe"] == device["recipe"])
    assert (device["rows"], device["agreeing"], here["rows"]) == (40, 40, 40)
    assert device["correct"] == here["correct"]
    assert "on the device" in capfd.readouterr().out.lower()
