"""What an arm of `ab` may say, and what is said of a wrong one; no device is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.arms import read_arms
from benchmark.cli import call
from benchmark.config import Config
from results.errors import ConfigError, NoDevice

CONFIG = Config(threads=4, cores="all")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model whose name could be taken for settings, and a library."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new,threads=8").mkdir()
    for name in ("model.tflite", "new,threads=8/model.tflite", "libLiteRt.so"):
        (tmp_path / name).write_bytes(b"TFL3")
    return tmp_path


def test_what_an_arm_does_not_say_is_the_calls(here: Path) -> None:
    """Two arms differ by what they say, and by nothing else."""
    first, second = read_arms(("recipe=float32,threads=2", "cores=f0,length-policy=shortest"), CONFIG)
    assert (first.name, second.name) == ("a", "b")
    assert (first.config.recipes, first.config.threads, first.config.cores) == (("float32",), 2, "all")
    assert (second.config.recipes, second.config.threads, second.config.cores) == (CONFIG.recipes, 4, "f0")
    assert (first.config.length_policy, second.config.length_policy) == ("fixed", "shortest")
    assert (first.model, first.runtime, second.model, second.runtime) == (None,) * 4


def test_files_recipes_and_what_follows_them(here: Path) -> None:
    """A path may have commas and = in it; a recipe or a path may be followed by settings."""
    first, second = read_arms(("new,threads=8", "model.tflite,runtime=libLiteRt.so,threads=1"), CONFIG)
    assert (first.model, first.config.threads) == (Path("new,threads=8"), 4)
    assert (second.model, second.runtime, second.config.threads) == (
        Path("model.tflite"),
        Path("libLiteRt.so"),
        1,
    )
    first, second = read_arms(("float32", "float32,threads=1"), CONFIG)
    assert (first.config.recipes, second.config.recipes) == (("float32",), ("float32",))
    assert second.config.threads == 1


def test_one_text_is_both_arms(here: Path) -> None:
    """An A/A run."""
    first, second = read_arms(("float32,threads=1",), CONFIG)
    assert (first.config, first.said, first.model) == (second.config, second.said, second.model)
    assert (first.name, second.name) == ("a", "b")


WRONG = [
    (("flaot32", "float32"), 'the arm "flaot32" has "flaot32", which is neither', "Did you mean float32?"),
    (("gone.tflite", "float32"), '"gone.tflite", which is neither a recipe, a file', "mobilebert-bench ab"),
    (("recipe=dynamic_int", "float32"), "names no recipe", "Did you mean dynamic_int8?"),
    (("thread=2", "float32"), 'sets "thread", which no arm has', "Did you mean threads?"),
    (("threads=two", "float32"), '"two" for threads', "threads=2"),
    (("threads=99", "float32"), 'the arm "threads=99" cannot be: --threads 99 is outside 1 to 64', ""),
    (("cores=large", "float32"), "neither big, all nor a hexadecimal mask", ""),
    (("length-policy=short", "float32"), '"short", which is none of its values', "fixed or shortest"),
    (("delegate=gpu", "float32"), "our own program knows the CPU only", ""),
    (("runtime=gone.so", "float32"), 'names "gone.so", and there is no such file', ""),
    (("recipe=float32,recipe=float32", "float32"), "says recipe twice", ""),
    (("float32,model=model.tflite", "float32"), "names a recipe and a file", ""),
    (("threads=2,", "float32"), '"2," for threads', ""),
    (("", "float32"), "which is neither", ""),
    (("float32", "float32"), "ask for the same", "--aa: mobilebert-bench ab --aa float32"),
    (("float32", "recipe=float32,threads=4"), "ask for the same", "--aa"),
    (("model.tflite", f".{os.sep}model.tflite"), "ask for the same", "--aa"),
]


@pytest.mark.parametrize(("arms", "what", "hint"), WRONG)
def test_wrong_arms(
    here: Path, arms: tuple[str, str], what: str, hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each is a wrong call that is refused before a device is looked for, with what to do instead."""
    assert call(["ab", *arms, "--threads", "4", "--device", "tcp:127.0.0.1:1"]) == 2
    err = capfd.readouterr().err
    assert "error: config" in err
    assert what in err
    assert hint in err


def test_what_belongs_to_the_whole_call(here: Path) -> None:
    """Several recipes by flag leave open which an arm is by; benchmark_model has its runtime in it."""
    with pytest.raises(ConfigError, match="which of --recipe float32,dynamic_int8"):
        read_arms(("threads=1", "threads=2"), Config(recipes=("float32", "dynamic_int8")))
    other = Config(runner="benchmark_model", binary="nightly")
    with pytest.raises(ConfigError, match="benchmark_model has its own"):
        read_arms(("runtime=libLiteRt.so", "float32"), other)
    assert call(["ab", "float32", "dynamic_int8", "--aa"]) == 2
    assert call(["ab", "float32"]) == 2


def test_a_quick_comparison_can_lose_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five pairs decide; with five asked for, one unsteady launch left nothing shown."""
    asked: list[Config] = []

    def stop(config: Config, *_: object) -> None:
        asked.append(config)
        raise NoDevice("none", next_step="-")

    monkeypatch.setattr("benchmark.pipeline.ab", stop)
    assert call(["ab", "float32", "dynamic_int8", "--quick"]) == 4
    assert call(["ab", "float32", "dynamic_int8", "--quick", "--launches", "6"]) == 4
    assert [one.launches for one in asked] == [8, 6]
