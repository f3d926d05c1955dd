"""The processor types that a bundle is built for, under every name that somebody gives them."""

from __future__ import annotations

from dataclasses import dataclass

from results.errors import AbiUnsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Abi:
    """One processor type. `name`: Android's; `machine`: the kernel's; `loader`: glibc's, by file name."""

    name: str
    machine: str
    zig_target: str
    wheel_platform: str
    debian: str
    loader: str


ABIS = (
    Abi(
        name="arm64-v8a",
        machine="aarch64",
        zig_target="aarch64-linux-gnu.2.27",
        wheel_platform="manylinux_2_27_aarch64",
        debian="arm64",
        loader="ld-linux-aarch64.so.1",
    ),
    Abi(
        name="x86_64",
        machine="x86_64",
        zig_target="x86_64-linux-gnu.2.27",
        wheel_platform="manylinux_2_27_x86_64",
        debian="amd64",
        loader="ld-linux-x86-64.so.2",
    ),
)


def abi_named(name: str) -> Abi:
    """The type that Android calls `name`. Raises: AbiUnsupported when no bundle exists for it."""
    for abi in ABIS:
        if abi.name == name:
            return abi
    raise AbiUnsupported(
        f'the device runs "{name}", and the device program exists for '
        f"{' and '.join(abi.name for abi in ABIS)} only: LiteRT has no runtime for it.",
        next_step="Use a device with a 64-bit Android.",
        abi=name,
    )
