"""Start the device program of a bundle the way a device does, and read what it left."""

from __future__ import annotations

import functools
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from android_runner.bundle import Bundle, host_bundle
from android_runner.parse import Samples, parse_samples
from tests.android_runner.tiny_model import LENGTH, tiny_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One ended start. `said`: the program's own lines on stderr, LiteRT's left out."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("error: ")]


def start(bundle: Bundle, arguments: Sequence[str], *, inside: Sequence[str] = ()) -> Ended:
    """Run the bundle's command in its folder; `inside` is a command that runs it (qemu, bwrap, a shell)."""
    command = shlex.join(inside) + " " + bundle.command([shlex.quote(word) for word in arguments])
    done = subprocess.run(
        ["sh", "-c", f"exec {command}"], cwd=bundle.folder, capture_output=True, check=False, timeout=300
    )
    return Ended(
        exit_code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode(errors="replace")
    )


def arguments(model_path: Path, sequences_path: Path, out_path: Path, **options: object) -> list[str]:
    """A command line: one thread, no warm-up, seven inferences, where `options` do not say otherwise.

    An option given as None is left out.
    """
    chosen: dict[str, object] = {
        "model": model_path,
        "sequences": sequences_path,
        "threads": 1,
        "inferences": 7,
        "warmup_inferences": 0,
        "warmup_seconds": 0,
        "out": out_path,
        **options,
    }
    words = (
        (f"--{name.replace('_', '-')}", str(value)) for name, value in chosen.items() if value is not None
    )
    return [word for pair in words for word in pair]


def samples_at(path: Path) -> Samples:
    """The samples file that a start left."""
    return parse_samples(path.read_bytes().decode(), source="test")


@functools.cache
def host() -> Bundle:
    """The program as it is compiled for this machine."""
    return host_bundle()


@functools.cache
def tiny() -> Path:
    """The model with one signature, s8."""
    return tiny_model(LENGTH)


def run(tmp_path: Path, sequences: Path, **options: object) -> Samples:
    """One good launch of the tiny model."""
    ended = start_tiny(tmp_path, sequences, **options)
    assert (ended.exit_code, ended.said) == (0, [])
    samples = samples_at(tmp_path / "out")
    assert ended.stdout == f"done warmup={samples.warmup_count} timed={samples.timed_count}\n"
    return samples


def refused(
    tmp_path: Path, sequences: Path, exit_code: int, name: str, says: str = "", **options: object
) -> None:
    """A launch that fails: this code, one line of this class, and no file left."""
    (tmp_path / "out").write_text("of an earlier launch")
    ended = start_tiny(tmp_path, sequences, **options)
    assert ended.exit_code == exit_code, ended.stderr
    assert len(ended.said) == 1
    assert ended.said[0].startswith(f"error: {name}: ")
    assert says in ended.said[0]
    assert ended.stdout == ""
    if exit_code != 2:
        assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()


def start_tiny(tmp_path: Path, sequences: Path, **options: object) -> Ended:
    """The host's program over the tiny model (or options["model"])."""
    path = Path(str(options.pop("model", tiny())))
    return start(host(), arguments(path, sequences, tmp_path / "out", **options))
