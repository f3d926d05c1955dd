"""Names and a device's own words are text: they reach where they belong as they are, and do nothing there."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.bundle import device_bundle
from android_runner.busy import check_idle
from android_runner.conditions import conditions
from android_runner.doctor import Check
from android_runner.link import Completed, HostLink, Link
from android_runner.probe import probe
from android_runner.push import push_verified
from android_runner.run import Order, Workplace, launch, remove, send, set_up
from android_runner.server import AdbServerLink
from android_runner.server_list import ask_server
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import Profile, pixel4
from android_runner.virtual.server import AdbServer
from benchmark.console import Console
from results.errors import DeviceBusy, HarnessError, OutputUnreadable, RunFailed
from tests.android_runner.program import tiny
from tests.android_runner.tiny_model import some_sequences

TEMPORARY = "/data/local/tmp"
# Each leaves a file called "owned" somewhere, or is cut, where a shell reads it as more than a name.
NAMES = (
    *("two words", " blank first", "blank last ", "tab\there", "it's", 'say "hello"', "two\nlines", "end\n"),
    *("$(touch owned)", "`touch owned`", "a;touch owned", "a&touch owned", "a|touch owned", "a\ntouch owned"),
    *("$HOME", "${PATH}", "!!", "~", "*", "[a-z]?", "{a,b}", "#no comment", "a>owned", "a<owned", "(touch)"),
    *("-rf", "--help", "-", "back\\slash", "\\n", "a\\", "a,0644", "100%s", "größe 漢字 🙂", "\u202edever"),
)
# All at once, for what is too slow to do with each; short enough for a name.
WORST = 'it\'s "a" -x $(touch owned) `touch owned`; touch owned & a\\ ${HOME} *\nlöst 漢'
PAYLOAD = b"weights"
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()


class Heard:
    """A link that writes down what is run through it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.commands: list[str] = []

    def run(self, command: str, *, timeout_s: float) -> Completed:
        self.commands.append(command)
        return self._link.run(command, timeout_s=timeout_s)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (the rest of Link)
        return getattr(self._link, name)


@pytest.fixture(scope="module", params=["tcp", "server"])
def shared(request: pytest.FixtureRequest, virtual_root: Path) -> Iterator[tuple[VirtualPhone, Link]]:
    """One phone for all names, directly and through adb's own server."""
    with contextlib.ExitStack() as stack:
        phone = stack.enter_context(VirtualPhone())
        if request.param == "tcp":
            yield phone, stack.enter_context(contextlib.closing(AdbTcpLink(phone.host, phone.port)))
            return
        server = stack.enter_context(AdbServer())
        server.ask(f"host:connect:{phone.host}:{phone.port}")
        server.wait_for("device product")
        (served,) = ask_server(("127.0.0.1", server.port)) or ()
        yield (
            phone,
            stack.enter_context(contextlib.closing(AdbServerLink(("127.0.0.1", server.port), served))),
        )


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    path = tmp_path / WORST
    path.write_bytes(PAYLOAD)
    return path


def _files(phone: VirtualPhone) -> set[str]:
    """Every file of the phone's temporary folder, by its path there."""
    folder = phone.data / "local/tmp"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.adbd
@pytest.mark.parametrize("name", NAMES)
def test_a_name_arrives_as_it_is(name: str, shared: tuple[VirtualPhone, Link], payload: Path) -> None:
    """As a folder and as a file, through the shell and through the file service."""
    phone, link = shared
    before = _files(phone)
    remote = f"{TEMPORARY}/{name}/{name}"
    assert push_verified(link, payload, remote, sha256=SHA256, mode=0o644, timeout_s=10)
    assert not push_verified(link, payload, remote, sha256=SHA256, mode=0o600, timeout_s=10)
    assert _files(phone) - before == {f"{name}/{name}"}
    here = phone.data / "local/tmp" / name / name
    assert here.read_bytes() == PAYLOAD
    assert here.stat().st_mode & 0o777 == 0o600
    back = payload.with_name(f"back {name}")
    link.pull(remote, back, timeout_s=10)
    assert back.read_bytes() == PAYLOAD
    place = Workplace(
        link=link, folder=f"{TEMPORARY}/{name}", bundle_folder="", bundle=device_bundle("x86_64")
    )
    assert send(place, payload, name, sha256=SHA256) == remote
    remove(place, remote, f"{remote}.part")
    assert _files(phone) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_name_on_this_machine_too(name: str, tmp_path: Path, payload: Path) -> None:
    """There the work folder lies below the user's cache, and a GNU sha256sum marks names that it escapes."""
    remote = tmp_path / "device" / name / name
    assert push_verified(HostLink(), payload, str(remote), sha256=SHA256, mode=0o644, timeout_s=10)
    assert not push_verified(HostLink(), payload, str(remote), sha256=SHA256, mode=0o644, timeout_s=10)
    files = [path for path in (tmp_path / "device").rglob("*") if path.is_file()]
    assert files == [remote]


@pytest.mark.adbd
def test_a_launch_below_the_worst_name(shared: tuple[VirtualPhone, Link], tmp_path: Path) -> None:
    """The program's whole command line is made of such names: bundle, model, rows, samples."""
    phone, link = shared
    folder = f"{TEMPORARY}/{WORST}"
    place = set_up(link, folder, device_bundle("x86_64"))
    rows = some_sequences()
    rows.write(tmp_path / "rows.seq")
    sha256 = hashlib.sha256(tiny().read_bytes()).hexdigest()
    order = Order(
        model=send(place, tiny(), f"model {WORST}", sha256=sha256),
        model_sha256=sha256,
        sequences=send(
            place, tmp_path / "rows.seq", f"-rows {WORST}", sha256=hashlib.sha256(rows.to_bytes()).hexdigest()
        ),
        row_ids=rows.row_ids,
        threads=1,
        cores=(),
        seed=1,
        inferences=7,
        warmup_inferences=0,
        warmup_s=0.0,
        timeout_s=60.0,
    )
    samples, _ = launch(place, order)
    assert samples.timed_count == 7
    assert not [name for name in _files(phone) if "owned" in name.rpartition("/")[2] and WORST not in name]


# What a device may say where a harmless one says a word.
HOSTILE = "$(touch /data/local/tmp/owned) `touch /data/local/tmp/owned`'\";touch /data/local/tmp/owned #\\"


def _hostile() -> Profile:
    """A phone whose names are commands: its model, its serial number, its sensors."""
    mild = pixel4()
    names = ("ro.product.model", "ro.product.manufacturer", "ro.serialno", "ro.board.platform")
    properties = {**mild.properties, **dict.fromkeys((*names, "ro.build.fingerprint"), HOSTILE)}
    return dataclasses.replace(mild, properties=properties)


def _asked(profile: Profile) -> tuple[list[str], set[str]]:
    """Every command that a look at the phone runs there, and the files that it then has."""
    with VirtualPhone(profile) as phone, contextlib.closing(AdbTcpLink(phone.host, phone.port)) as link:
        heard = Heard(link)
        device = probe(heard)
        conditions(heard)
        place = Workplace(
            link=heard, folder=f"{TEMPORARY}/ours", bundle_folder="", bundle=device_bundle("x86_64")
        )
        remove(place, f"{place.folder}/x")
        if profile is not _MILD:
            assert device.model is not None
            assert "touch" in device.model
        # The marks between answers are drawn anew for each question.
        return [re.sub(r"[0-9a-f]{16}", "MARK", one) for one in heard.commands], _files(phone)


_MILD = pixel4()


@pytest.mark.adbd
def test_a_phones_names_are_in_no_command(virtual_root: Path) -> None:
    """Anybody can set a property; what a phone says of itself decides no letter of what it is told to run."""
    commands, files = _asked(_hostile())
    assert (commands, files) == _asked(_MILD)
    assert len(commands) >= 3


def _replace(phone: VirtualPhone, name: str, script: str) -> None:
    """Put a program of the phone's own ahead of Android's."""
    path = phone.data.parent / "product/bin" / name
    path.write_text(f"#!/system/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.adbd
@pytest.mark.parametrize("tool", ["sha256sum", "df", "cat", "uname"])
@pytest.mark.parametrize("says", [HOSTILE, "../../../../tmp/owned", "\\x1b[2J[bold]", "0" * 70])
def test_a_tool_that_lies_makes_an_error_or_nothing(
    tool: str, says: str, phone: VirtualPhone, adb: AdbTcpLink, payload: Path
) -> None:
    """Whatever stands where a digest, a size or a type was to come: no command is made of it."""
    _replace(phone, tool, f"printf '%b\\n' {_quoted(says)}")
    heard = Heard(adb)
    with contextlib.suppress(HarnessError):
        push_verified(heard, payload, f"{TEMPORARY}/ours/x", sha256=SHA256, mode=0o644, timeout_s=10)
    with contextlib.suppress(HarnessError):
        probe(heard)
        conditions(heard)
    assert not [command for command in heard.commands if "owned" in command or "[bold]" in command]
    assert not [name for name in _files(phone) if "owned" in name]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.fixture
def runner(
    phone: VirtualPhone, adb: AdbTcpLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Workplace, Order]:
    """A place whose program is a script of the device's, and a launch of it."""
    bundle = device_bundle("x86_64")
    own = dataclasses.replace(bundle, loader=None, files=())
    place = Workplace(link=adb, folder=TEMPORARY, bundle_folder=TEMPORARY, bundle=own)
    monkeypatch.chdir(tmp_path)
    rows = some_sequences()
    return place, Order(
        model=f"{TEMPORARY}/m",
        model_sha256="0" * 64,
        sequences=f"{TEMPORARY}/s",
        row_ids=rows.row_ids,
        threads=1,
        cores=(),
        seed=1,
        inferences=7,
        warmup_inferences=0,
        warmup_s=0.0,
        timeout_s=20.0,
    )


_OUT = 'while [ "$1" != --out ]; do shift; done; out=$2; '


@pytest.mark.adbd
@pytest.mark.parametrize(
    "leaves",
    [
        'mkdir "$out"; echo x >"$out/inside"',
        'ln -s ../../../etc/hostname "$out"',
        'ln -s /proc/self/environ "$out"',
        "printf 'mobilebert-samples 1\\nprogram ../../owned\\n' >\"$out\"",
        'printf "../../../../owned" >"$out"',
    ],
    ids=["folder", "link", "proc", "header", "path"],
)
def test_what_stands_for_the_samples_is_written_nowhere(
    leaves: str, runner: tuple[Workplace, Order], phone: VirtualPhone, tmp_path: Path
) -> None:
    """A folder, a link or a text full of paths instead of samples: an error, and no file here."""
    program = phone.data / "local/tmp/runner"
    program.write_text(f"#!/system/bin/sh\n{_OUT}{leaves}\n", encoding="utf-8")
    program.chmod(0o755)
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "android")}
    with pytest.raises(HarnessError) as raised:
        launch(*runner)
    assert isinstance(raised.value, OutputUnreadable), raised.value
    assert set(tmp_path.rglob("*")) == before


class _Says:
    """A device whose every answer is the same text."""

    name = "tcp:192.0.2.1:5555"

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def run(self, command: str, *, timeout_s: float) -> Completed:
        return Completed(command=command, exit_code=0, stdout=self._text, stderr=b"", seconds=0.0)


def test_nobody_is_told_to_type_what_a_device_says() -> None:
    """`kill` and what stands behind it is for the user to copy into a shell."""
    with pytest.raises(OutputUnreadable):
        check_idle(_Says("1;rm -rf ~"))  # type: ignore[arg-type]
    with pytest.raises(DeviceBusy, match="process 12, 34") as raised:
        check_idle(_Says("12\n34\n"))  # type: ignore[arg-type]
    assert raised.value.next_step.endswith("kill 12 34")


def test_no_name_becomes_a_picture(capfd: pytest.CaptureFixture[str]) -> None:
    """A key's 96:AB:99 was printed with the sign of a blood group, and a path :fire: would be too."""
    said = "key 96:AB:99 at /runs/:fire:/1"
    console = Console()
    console.on_step(said)
    console.on_doubt(said)
    console.report(said)
    console.error(RunFailed(said, next_step=said))
    shown = capfd.readouterr()
    assert (shown.out + shown.err).count(said) == 5


def test_a_terminal_obeys_no_device(capfd: pytest.CaptureFixture[str]) -> None:
    """Error texts quote programs and properties: an escape sequence in them could rewrite the screen."""
    hostile = "\x1b[2J\x1b]0;owned\x07[bold]\u202ereversed\x9b31m"
    console = Console()
    console.on_step(hostile)
    console.on_doubt(hostile)
    console.error(RunFailed(f"it said: {hostile}", next_step="Run again."))
    console.checks([Check(name="model", status="warn", found=hostile, next_step=hostile)])
    said = "".join(capfd.readouterr())
    assert said.count("[bold]") == 5
    assert [char for char in said if char != "\n" and not char.isprintable()] == []
    assert "  next   Run again." in said.splitlines()
