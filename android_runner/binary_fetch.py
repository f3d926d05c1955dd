"""A published benchmark_model by its version: fetched once, kept with the SHA-256 that it came with."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from pathlib import Path

from results.errors import AbiUnsupported, BundleUnavailable

log = logging.getLogger(__name__)

# Source: LiteRT's and TensorFlow Lite's pages on measuring, their links to prebuilt programs.
SITE = "https://storage.googleapis.com"
NIGHTLY = "nightly"
_RELEASE = "litert/binaries/{version}/android_arm64/benchmark_model"
_NIGHTLY = (
    "tensorflow-nightly-public/prod/tensorflow/release/lite/tools/nightly/latest/"
    "android_aarch64_benchmark_model"
)
_BUILT_FOR = "arm64-v8a"
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,2}")
_MOST_BYTES = 512 << 20
_SILENCE_S, _WHOLE_S = 30.0, 900.0
_CHUNK_BYTES = 1 << 20


def is_version(text: str) -> bool:
    """Whether this names a version and no file: 2.1.0, or "nightly" for TensorFlow Lite's own."""
    return text == NIGHTLY or _VERSION.fullmatch(text) is not None


def fetch(version: str, abi: str, cache: Path, *, site: str = SITE) -> Path:
    """The file of one version, from `cache` where it came to before. `site`: tests have their own.

    What "nightly" is moves; the cache keeps the one that came first, and the record has its SHA-256.
    Raises: AbiUnsupported where none is published for `abi`, BundleUnavailable where it does not come whole.
    """
    if abi != _BUILT_FOR:
        raise AbiUnsupported(
            f"benchmark_model is published for {_BUILT_FOR} only, and the device runs {abi}.",
            next_step=f"Build it for {abi} from LiteRT's sources, and give its path with --binary.",
            abi=abi,
        )
    folder = cache / "benchmark_model" / f"{version}-{abi}"
    path, notes = folder / "benchmark_model", folder / "fetched.json"
    if _is_kept(path, notes):
        return path
    url = f"{site}/{_NIGHTLY if version == NIGHTLY else _RELEASE.format(version=version)}"
    log.info("fetching %s", url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="part-") as scratch:
            content, told = Path(scratch) / "content", Path(scratch) / "told"
            sha256 = _download(url, content)
            told.write_text(json.dumps({"url": url, "sha256": sha256}), encoding="utf-8")
            notes.unlink(missing_ok=True)  # a file without its notes does not count
            content.replace(path)
            told.replace(notes)
    except OSError as err:  # urllib's errors are of this class, as is a full disk
        raise BundleUnavailable(
            f"benchmark_model {version} could not be fetched from {url}: {err}.",
            next_step="Check version, network and disk, or download it yourself and give --binary its path.",
            url=url,
        ) from err
    return path


def _is_kept(path: Path, notes: Path) -> bool:
    """Whether the file is there, as it came."""
    try:
        told = json.loads(notes.read_text(encoding="utf-8"))
        with path.open("rb") as file:
            whole = bool(hashlib.file_digest(file, "sha256").hexdigest() == told["sha256"])
    except (OSError, ValueError, TypeError, KeyError):
        return False
    if not whole:
        log.warning("%s is not the file that was fetched; it is fetched again", path)
    return whole


def _download(url: str, target: Path) -> str:
    """All that the address gives, in a file; its SHA-256. Raises OSError."""
    import http.client
    import urllib.error
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """What a phone executes comes from the address that its user reads, or not at all."""

        def redirect_request(self, *_: object) -> None:
            return None

    deadline = time.monotonic() + _WHOLE_S
    digest, received = hashlib.sha256(), 0
    try:
        with (
            urllib.request.build_opener(NoRedirect).open(url, timeout=_SILENCE_S) as answer,
            target.open("xb") as file,
        ):
            promised = answer.headers.get("Content-Length")
            while chunk := answer.read(_CHUNK_BYTES):
                received += len(chunk)
                if received > _MOST_BYTES:
                    raise OSError(f"more than {_MOST_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not whole after {_WHOLE_S:g} s")
                file.write(chunk)
                digest.update(chunk)
            file.flush()
            os.fsync(file.fileno())
    except urllib.error.HTTPError as err:
        with err:  # it holds the connection
            raise OSError(f"the answer is {err.code} {err.reason}") from err
    except urllib.error.URLError as err:
        raise OSError(str(err.reason)) from err
    except http.client.HTTPException as err:
        raise OSError(f"the answer is no HTTP ({type(err).__name__})") from err
    if promised != str(received):
        raise OSError(f"{received:,} bytes came, where {promised or 'no number'} was promised")
    return digest.hexdigest()
