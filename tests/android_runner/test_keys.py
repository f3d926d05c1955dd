"""Keys are adb's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from android_runner.keys import Key, android_folder, load_keys
from results.errors import ConfigError


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    """A second key would make the phone ask again; a readable one would let others in."""
    environment = {"HOME": str(tmp_path)}
    (first,) = load_keys(environment)
    assert first.path == tmp_path / ".android" / "adbkey"
    assert first.path.stat().st_mode & 0o777 == 0o600
    assert load_keys(environment) == (first,)
    assert sorted(path.name for path in first.path.parent.iterdir()) == ["adbkey", "adbkey.pub"]


def test_public_key_is_derived_where_its_file_is_missing(own_key: Key, tmp_path: Path) -> None:
    """Vendors hand out the private key alone; adb derives the other."""
    (tmp_path / "adbkey").write_text(own_key.private, encoding="ascii")
    (loaded,) = load_keys({"ANDROID_USER_HOME": str(tmp_path)})
    assert loaded.public.split()[0] == own_key.public.split()[0]


def test_vendor_keys_follow_the_users(own_key: Key, tmp_path: Path) -> None:
    """Laboratories share a key by ADB_VENDOR_KEYS: files, or folders of *.adb_key."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    (folder / "lab.adb_key").write_text(own_key.private, encoding="ascii")
    (folder / "readme").write_text("no key", encoding="ascii")
    single = tmp_path / "single"
    single.write_text(own_key.private, encoding="ascii")
    keys = load_keys(
        {"ANDROID_USER_HOME": str(tmp_path), "ADB_VENDOR_KEYS": os.pathsep.join([str(folder), str(single)])}
    )
    assert [key.path.name for key in keys] == ["adbkey", "lab.adb_key", "single"]


def test_folder_follows_adbs_variables() -> None:
    """The same files as adb's, or the phone asks about a stranger."""
    assert android_folder({"ANDROID_USER_HOME": "/a", "HOME": "/h"}) == Path("/a")
    assert android_folder({"ANDROID_SDK_HOME": "/s", "HOME": "/h"}) == Path("/s/.android")
    assert android_folder({"HOME": "/h"}) == Path("/h/.android")


def test_broken_key_file_is_named(tmp_path: Path) -> None:
    """Half a key must be an error here, not a refusal by the phone."""
    (tmp_path / "adbkey").write_text("-----BEGIN PRIVATE KEY-----\n", encoding="ascii")
    with pytest.raises(ConfigError, match="adbkey is not a readable ADB key"):
        load_keys({"ANDROID_USER_HOME": str(tmp_path)})
