"""This machine's ADB keys: adb's own files, so that a phone which knows `adb` knows this harness too."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from results.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One RSA key pair as adb keeps it: PEM text of the private key, one line for the public one."""

    path: Path
    private: str
    public: str


def android_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where adb keeps its keys: ANDROID_USER_HOME, ANDROID_SDK_HOME/.android, else ~/.android."""
    if chosen := environment.get("ANDROID_USER_HOME"):
        return Path(chosen)
    if chosen := environment.get("ANDROID_SDK_HOME"):
        return Path(chosen) / ".android"
    return Path(environment["HOME"] if environment.get("HOME") else Path.home()) / ".android"


def load_keys(environment: Mapping[str, str] = os.environ, *, make: bool = True) -> tuple[Key, ...]:
    """The user's key, made now if there is none and `make`, then those that ADB_VENDOR_KEYS names.

    Raises ConfigError for a key file that cannot be read or is no RSA key.
    """
    own = android_folder(environment) / "adbkey"
    if make and not own.exists():
        make_key(own)
    paths = [own] if own.exists() else []
    for name in filter(None, environment.get("ADB_VENDOR_KEYS", "").split(os.pathsep)):
        vendor = Path(name)
        paths += sorted(vendor.glob("*.adb_key")) if vendor.is_dir() else [vendor]
    return tuple(_load(path) for path in paths)


def make_key(path: Path) -> None:
    """Write a new key pair to `path` and `path`.pub; whoever reads meanwhile sees a whole pair or none."""
    from adb_shell.auth.keygen import keygen  # 0.1 s, only where a phone is used

    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".adbkey-") as scratch:
        private = Path(scratch) / "adbkey"
        private.touch(mode=0o600)
        keygen(str(private))
        private.with_name("adbkey.pub").replace(path.with_name(path.name + ".pub"))
        private.replace(path)
    log.info("made a new ADB key: %s", path)


def _load(path: Path) -> Key:
    from adb_shell.auth.keygen import encode_pubkey

    try:
        private = path.read_text(encoding="ascii")
        public_path = path.with_name(path.name + ".pub")
        if public_path.exists():
            public = public_path.read_text(encoding="utf-8").strip()
        else:
            from base64 import b64encode

            public = b64encode(encode_pubkey(str(path))).decode("ascii") + " mobilebert-bench"
    except (OSError, ValueError, TypeError) as err:
        raise ConfigError(
            f"{path} is not a readable ADB key: {err}.",
            next_step=f"Remove {path} to get a new key, or take it out of ADB_VENDOR_KEYS.",
            path=str(path),
        ) from err
    return Key(path=path, private=private, public=public)
