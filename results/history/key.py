"""What makes two runs points of one series: everything that their latency may depend on, except the code."""

from __future__ import annotations

from dataclasses import dataclass

from results.encode import digest
from results.errors import ConfigError, did_you_mean
from results.plain import short
from results.series import CLAIMED_MODEL

# What --across may take out of the key, and what it is to a reader who sees it change.
ACROSS = {"model": "model file", "runtime": "runtime", "fingerprint": "device build"}
_KEY_DIGITS = 16  # hexadecimal; 64 bits, for a file of some dozen series


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Under which a point was measured, as its summary says. None: not known."""

    kind: str
    manufacturer: str | None
    device_model: str | None
    soc: str | None
    abi: str
    fingerprint: str | None
    kernel: str | None
    serial_sha256: str | None
    model: str
    recipe: str
    model_sha256: str | None
    runtime: str | None
    runtime_version: str | None
    runtime_sha256: str | None
    threads: int
    cores: str
    delegate: str
    runner: str
    length: int
    length_policy: str
    lengths: tuple[int, ...]
    pairs_sha256: str | None
    batch: int
    fixed_performance: bool

    @property
    def processor(self) -> str | None:
        """What computes: the SoC; of a host, whose record has no SoC, the processor that is its model."""
        return self.device_model if self.kind == "host" else self.soc

    @property
    def build(self) -> str | None:
        """What a system update changes: the fingerprint, or the kernel of a device that has none."""
        return self.fingerprint or self.kernel

    @property
    def device(self) -> str:
        """The device in a few words."""
        named = [short(word) for word in (self.manufacturer, self.device_model) if word]
        names = {"host": "this machine (host)", "virtual_phone": "virtual phone", "emulator": "emulator"}
        kind = names.get(self.kind, "")
        return " ".join([*named, f"({kind})" if named and kind else kind]).strip() or short(
            self.soc or self.abi
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesKey:
    """Two runs whose keys are equal measured the same. None: it differs, or the device does not say it.

    `across`: the fields that may differ. `build`: the device's fingerprint, or its kernel where it has none.
    `processor`: the SoC, or a host's processor. `rows`: what was timed, where each
    sequence is padded as far as it needs, so that latency depends on it.
    """

    across: tuple[str, ...]
    kind: str
    processor: str | None
    abi: str
    build: str | None
    model: str
    recipe: str
    model_sha256: str | None
    runtime: str | None
    runtime_version: str | None
    threads: int
    cores: str
    delegate: str
    runner: str
    length: int
    length_policy: str
    lengths: tuple[int, ...]
    rows: str | None
    batch: int
    fixed_performance: bool

    @property
    def digest(self) -> str:
        """The key as a name for files, 16 hexadecimal digits."""
        return digest(self)[:_KEY_DIGITS]


def check_across(across: tuple[str, ...]) -> tuple[str, ...]:
    """The names in their one order, each once. Raises ConfigError for a name that is not in ACROSS."""
    for name in across:
        if name not in ACROSS:
            raise ConfigError(
                f"--across {name} is none of {', '.join(ACROSS)}.{did_you_mean(name, ACROSS)}",
                next_step=f"Give one or more of them, such as --across {next(iter(ACROSS))}",
            )
    return tuple(name for name in ACROSS if name in across)


def key_of(setting: Setting, across: tuple[str, ...]) -> SeriesKey:
    """The key of what was measured under a setting; `across` as `check_across` gives it."""
    shortest = setting.length_policy == "shortest"
    return SeriesKey(
        across=across,
        kind=setting.kind,
        processor=setting.processor,
        abi=setting.abi,
        build=None if "fingerprint" in across else setting.build,
        model=setting.model,
        recipe=setting.recipe,
        model_sha256=None if "model" in across else setting.model_sha256,
        runtime=None if "runtime" in across else setting.runtime,
        runtime_version=None if "runtime" in across else setting.runtime_version,
        threads=setting.threads,
        cores=setting.cores,
        delegate=setting.delegate,
        runner=setting.runner,
        length=setting.length,
        length_policy=setting.length_policy,
        lengths=setting.lengths if shortest else (),
        rows=setting.pairs_sha256 if shortest else None,
        batch=setting.batch,
        fixed_performance=setting.fixed_performance,
    )


def changes_between(before: Setting, after: Setting) -> tuple[str, ...]:
    """What is another, and leaves the series the same: taken out of its key, or never in it."""
    pairs = {
        "model file": (before.model_sha256, after.model_sha256),
        "runtime": ((before.runtime, before.runtime_version), (after.runtime, after.runtime_version)),
        "runtime library": (before.runtime_sha256, after.runtime_sha256),
        "device build": (before.build, after.build),
        "device": (before.serial_sha256, after.serial_sha256),
    }
    found = [name for name, (old, new) in pairs.items() if old != new]
    if "runtime" in found and "runtime library" in found:
        found.remove("runtime library")  # another version is another library
    return tuple(found)


def labels(keys: list[SeriesKey], device: list[str]) -> tuple[list[str], str]:
    """A name per series that tells it from the others, and what all of them share, in words.

    `device`: how the device of each is called. The recipe stands in every name.
    """
    words = [_words(key, name) for key, name in zip(keys, device, strict=True)]
    differs = {field for field in words[0] if len({own[field] for own in words}) > 1} if words else set()
    # Another recipe is another file: its digest is of use only where one recipe has several.
    files = [(_recipe(key), key.model_sha256) for key in keys]
    told = differs - ({"model_sha256"} if len(set(files)) == len({name for name, _ in files}) else set())
    names = [
        ", ".join([_recipe(key), *(text for field, text in own.items() if field in told and text)])
        for key, own in zip(keys, words, strict=True)
    ]
    if len(set(names)) < len(names):  # words were cut short
        names = [f"{name} ({key.digest})" for name, key in zip(names, keys, strict=True)]
    same = [text for field, text in words[0].items() if field not in differs and text] if words else []
    return names, ", ".join(same)


def full_label(key: SeriesKey, device: str) -> str:
    """One series in words that do not depend on which others there are."""
    return ", ".join([_recipe(key), *(text for text in _words(key, device).values() if text)])


def _recipe(key: SeriesKey) -> str:
    return key.recipe if key.model == CLAIMED_MODEL else f"{key.model} {key.recipe}"


def _words(key: SeriesKey, device: str) -> dict[str, str]:
    """Each field of a key for readers; empty where it is the usual."""
    runtime = " ".join(word for word in (key.runtime, key.runtime_version) if word)
    policy = "" if key.length_policy == "fixed" else f" ({key.length_policy} signature)"
    return {
        "device": short(device),
        # A host is called by its processor.
        "processor": "" if key.kind == "host" else short(key.processor or ""),
        "abi": short(key.abi),
        "build": "" if key.build is None else f"build {_build(key.build)}",
        "model_sha256": "" if key.model_sha256 is None else f"model {key.model_sha256[:8]}",
        "runtime": short(runtime),
        "threads": f"{key.threads} thread{'s' * (key.threads != 1)}",
        "cores": "" if key.cores == "big" else f"cores {short(key.cores)}",
        "delegate": "" if key.delegate == "cpu" else f"delegate {short(key.delegate)}",
        "length": f"length {key.length}{policy}",
        "lengths": "" if not key.lengths else f"of {', '.join(map(str, key.lengths))}",
        "rows": "" if key.rows is None else f"pairs {key.rows[:8]}",
        "batch": "" if key.batch == 1 else f"batch {key.batch}",
        "runner": short(key.runner),
        "fixed_performance": "fixed-performance mode" if key.fixed_performance else "",
    }


def _build(build: str) -> str:
    """The part of a fingerprint that names the build: brand/product/device:release/ID/number:type/tags."""
    parts = build.split("/")
    return short("/".join(parts[3:5]).split(":")[0] if len(parts) >= 5 else build)
