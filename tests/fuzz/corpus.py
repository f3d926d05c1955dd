"""What fuzzing begins with: the good text, its pieces, and words that spoil numbers and lines."""

from __future__ import annotations

import re
from pathlib import Path

SPLINTERS = ("-1", "1e300", "nan", "inf", "9" * 19, "0-99999", "²", "٣", "\x85", "\r\n", "\ufeff", "null")
_MOST_WORDS = 200


def write_seeds(good: str, folder: Path) -> None:
    """One file per seed: whole, cut short in five places, with CRLF, twice, and each line by itself."""
    cut = [good[: len(good) * part // 5] for part in range(5)]
    whole = [good, good.replace("\n", "\r\n"), good + good]
    for number, text in enumerate((*whole, *cut, *good.splitlines(keepends=True))):
        (folder / f"{number:03d}").write_bytes(text.encode())


def write_dictionary(good: str, path: Path) -> Path:
    """The words and numbers of the good text and the splinters, as libFuzzer reads them."""
    words = dict.fromkeys((*SPLINTERS, *re.findall(r"\w+|[^\w\s]+", good)))
    lines = [f'"{_escaped(word)}"\n' for word in list(words)[:_MOST_WORDS] if word]
    path.write_text("".join(lines), encoding="ascii")
    return path


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())
