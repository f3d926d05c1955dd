"""Tokens of pairs, kept in the cache: the same texts by the same vocabulary are tokenized once.

A file is named by all that it depends on, and read only where it is whole; without a cache all goes on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import logging
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from benchmark.tokenize import Tokenizer, Tokens, tokenize
from export.artifact import default_cache
from results.whole_file import write_whole

log = logging.getLogger(__name__)

_FORM = 1
_TYPES = (np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.int32), np.dtype(np.bool_))
_MOST_BYTES = 2**27  # MNLI's dev set has 1.7 MB


def tokens_of(tokenizer: Tokenizer, texts: Sequence[tuple[str, str]], *, length: int) -> Tokens:
    """Pairs of sentences as tokens, cut to `length`: from the cache, or tokenized now and put there."""
    path = default_cache().with_name("tokens") / f"{_key(tokenizer, texts, length)}.npz"
    kept = _read(path, len(texts), length, tokenizer.size)
    if kept is not None:
        return kept
    made = tokenize(tokenizer, texts, length=length)
    _write(path, made)
    return made


def _key(tokenizer: Tokenizer, texts: Sequence[tuple[str, str]], length: int) -> str:
    version = importlib.metadata.version("tokenizers")
    digest = hashlib.sha256(f"{_FORM} {version} {tokenizer.sha256} {length}\n".encode())
    for pair in texts:
        for text in pair:
            data = text.encode("utf-8", errors="surrogatepass")
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def _read(path: Path, rows: int, length: int, size: int) -> Tokens | None:
    """What was kept; None where nothing is, or it is not whole."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            kept = Tokens(ids=held["ids"], ends=held["ends"], second=held["second"], cut=held["cut"])
        fits = (
            tuple(one.dtype for one in (kept.ids, kept.ends, kept.second, kept.cut)) == _TYPES
            and kept.ends.shape == kept.second.shape == kept.cut.shape == (rows,)
            and kept.ends[-1] == len(kept.ids)
            and bool(((kept.counts > 0) & (kept.counts <= length)).all())
            and bool(((kept.second > 0) & (kept.second < kept.counts)).all())
            and bool(((kept.ids >= 0) & (kept.ids < size)).all())
        )
    except FileNotFoundError:
        return None
    except Exception as err:  # a spoilt archive can end in any error
        log.debug("%s is made anew: %s", path, err)
        return None
    return kept if fits else None


def _write(path: Path, tokens: Tokens) -> None:
    """Keep them; the oldest files beyond 128 MB go. A cache that cannot be written costs time only."""
    data = io.BytesIO()
    np.savez(data, ids=tokens.ids, ends=tokens.ends, second=tokens.second, cut=tokens.cut)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data.getvalue())
        there = sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime, reverse=True)
        sizes = accumulate(one.stat().st_size for one in there)
        for old, size in zip(there, sizes, strict=True):
            if size > _MOST_BYTES and old != path:
                old.unlink(missing_ok=True)
    except OSError as err:
        log.debug("tokens are not kept in %s: %s", path, err)
