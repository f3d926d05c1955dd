"""The declared table by which a pairs file is read: shipped in forms.toml, or a user's own of that kind."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmark.pairs.table import LABELS
from results.errors import ConfigError, did_you_mean
from results.plain import short

Format = Literal["tsv", "csv", "jsonl", "parquet"]
SHIPPED = Path(__file__).with_name("forms.toml")
_OWN: dict[str, str] = {label: label for label in LABELS}
_DOCS = "docs/pairs.md shows how a form is written."


@dataclass(frozen=True, slots=True, kw_only=True)
class PairForm:
    """Which columns of a file are what. `row`: whole numbers; `id`: names, for messages.

    `also`: columns that are not used, and tell the file from others. `labels`: the file's word for each of
    its labels, lower case, to the answer it means; `answers`: the answer for each label of the model;
    `missing`: marks of a row without a label. `may_end_after`: columns after this one may lack in a row.
    `origin`: a user's file and its content; empty for what is shipped.
    """

    name: str
    formats: tuple[Format, ...]
    premise: str
    hypothesis: str
    label: str
    row: str | None = None
    id: str | None = None
    also: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=lambda: dict(_OWN))
    answers: dict[str, str] = field(default_factory=lambda: dict(_OWN))
    missing: tuple[str, ...] = ("-", "")
    may_end_after: str | None = None
    origin: str = ""

    @property
    def title(self) -> str:
        """Its name in a record: that of a user's form says of which file it was, and of which content."""
        return self.name + (f" of {self.origin}" if self.origin else "")

    @property
    def used(self) -> tuple[str, ...]:
        """The columns whose values are read."""
        named = (self.row, self.id, self.premise, self.hypothesis, self.label)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a file of this form has."""
        return tuple(dict.fromkeys((*self.used, *self.also)))


@cache
def shipped() -> tuple[PairForm, ...]:
    return load_forms(SHIPPED)


def forms_of(option: str | None) -> tuple[PairForm, ...]:
    """What --pair-form allows: all that are shipped, the one of this name, or those of a TOML file.

    Raises: ConfigError.
    """
    if option is None:
        return shipped()
    if option.lower().endswith(".toml"):
        return load_forms(Path(option))
    found = tuple(form for form in shipped() if form.name == option)
    if not found:
        names = [form.name for form in shipped()]
        raise ConfigError(
            f"--pair-form {short(option)!r} is neither a shipped form nor a .toml file."
            f"{did_you_mean(option, names)}",
            next_step=f"Give one of {', '.join(names)}, or a TOML file of yours. {_DOCS}",
        )
    return found


def load_forms(path: Path) -> tuple[PairForm, ...]:
    """Every form of a TOML file. Raises: ConfigError, which names the first mistake."""
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        why = err.strerror if isinstance(err, OSError) else short(str(err))
        raise _bad(path, f"cannot be read: {why}") from err
    if not data:
        raise _bad(path, "holds no form")
    own = path != SHIPPED
    origin = f"{short(path.name)} ({hashlib.sha256(raw).hexdigest()[:12]})" if own else ""
    return tuple(_form(path, name, fields, origin) for name, fields in data.items())


def _form(path: Path, name: str, fields: Any, origin: str) -> PairForm:  # noqa: ANN401 (of a TOML file)
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(fields, dict):
        raise _bad(path, f"{short(name)!r} stands outside of a table such as [my-form]")
    known = [field for field in PairForm.__dataclass_fields__ if field not in ("name", "origin")]
    for key in fields:
        if key not in known:
            raise _bad(path, f"form {short(name)}: no field {short(key)!r}.{did_you_mean(key, known)}")
    try:
        form: PairForm = TypeAdapter(PairForm).validate_python({**fields, "name": name, "origin": origin})
    except ValidationError as err:
        first = err.errors()[0]
        where = short(".".join(str(part) for part in first["loc"]))
        why = first["msg"].replace("tuple", 'list, such as ["a", "b"]').replace("dictionary", "table")
        raise _bad(path, f"form {short(name)}: field {where}: {why}") from err
    if wrong := _mistake(form):
        raise _bad(path, f"form {short(name)}: {wrong}")
    return form


def _mistake(form: PairForm) -> str | None:
    """What is wrong in a form whose types are right."""
    if not 0 < len(form.name) <= 60 or not form.name.isprintable():
        return "a name has 1 to 60 printable characters"
    if not form.formats:
        return "field formats is empty"
    if len(form.used) < sum(name is not None for name in (form.row, form.id)) + 3:
        return "one column stands for two things"
    if set(form.answers) != set(LABELS):
        return f"field answers must name {', '.join(LABELS)}, and nothing else"
    if odd := [word for word in form.answers.values() if not 0 < len(word) <= 60 or not word.isprintable()]:
        return f"field answers: {short(odd[0])!r}: an answer has 1 to 60 printable characters"
    if len(set(form.answers.values())) < 2:
        return "field answers has one answer for every label"
    if odd := sorted(set(form.labels.values()) - set(form.answers.values())):
        return f"field labels: {short(odd[0])!r} is none of the answers {_listed(form.answers)}"
    if lacking := sorted(set(form.answers.values()) - set(form.labels.values())):
        return f"field labels: no word means {short(lacking[0])!r}"
    if odd := [word for word in (*form.labels, *form.missing) if word != word.strip().lower()]:
        return f"{short(odd[0])!r} must be lower case without blanks, as labels are compared"
    if both := sorted(set(form.labels) & set(form.missing)):
        return f"{short(both[0])!r} is a label and a mark of a missing one"
    return None


def _listed(answers: dict[str, str]) -> str:
    return ", ".join(short(answer) for answer in dict.fromkeys(answers.values()))


def _bad(path: Path, why: str) -> ConfigError:
    return ConfigError(f"--pair-form {path}: {why}", next_step=f"Correct the file. {_DOCS}", path=path)
