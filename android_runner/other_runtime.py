"""The same bundle with another build of the runtime library in it, for comparing the two."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from android_runner.binary import MACHINES, processor_of, read_elf
from android_runner.bundle import Bundle, BundleFile
from android_runner.native import wheel
from results.errors import AbiUnsupported, ConfigError

UNKNOWN_VERSION = "unknown"  # the library does not tell


def with_runtime(bundle: Bundle, library: Path) -> Bundle:
    """The bundle with `library` in the place of its own; the very bundle where it is the same file.

    Raises: ConfigError where it cannot be read, AbiUnsupported for no library of this bundle's processor.
    """
    try:
        content = library.read_bytes()
    except OSError as err:
        raise ConfigError(
            f"the runtime library {library} cannot be read: {err.strerror or err}.",
            next_step=f"Give the path of a {wheel.LIBRARY}.",
            path=library,
        ) from err
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 == bundle.program.runtime_sha256:
        return bundle
    _check(content, library, bundle.abi)
    return dataclasses.replace(
        bundle,
        files=tuple(
            BundleFile(name=file.name, sha256=sha256, mode=file.mode, source=library.absolute())
            if file.name == wheel.LIBRARY
            else file
            for file in bundle.files
        ),
        program=dataclasses.replace(
            bundle.program, runtime=library.name, runtime_version=UNKNOWN_VERSION, runtime_sha256=sha256
        ),
    )


def _check(content: bytes, library: Path, abi: str) -> None:
    try:
        machine, _ = read_elf(content, library)
    except AbiUnsupported as err:
        raise AbiUnsupported(
            f"{library} is no library that a device could load.",
            next_step=f"Give a {wheel.LIBRARY} itself, as it was built or taken out of its package.",
            path=library,
        ) from err
    if machine != MACHINES.get(abi):
        raise AbiUnsupported(
            f"{library} was built for {processor_of(machine)}; the device runs {abi}.",
            next_step=f"Give one that was built for {abi}.",
            path=library,
            abi=abi,
        )
