"""A project's files: which kind each says it is, and where they lie."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place, read_yaml
from tanzaku.workbench.project._comparing import find_near

type DocumentKind = Literal["project", "environment", "request", "suite", "flow"]

VERSION_KEY: Final = "tanzaku"
SUFFIXES: Final = (".yaml", ".yml")
# The issuers' real keys are longer than any that stands in a test.
_API_KEY = re.compile(r"sk-(?:ant|tzk)-[\w-]{40,}")
_NAME = re.compile(r"[^\W\d][\w-]*")


def read_document(
    path: Path, kind: DocumentKind, known: Collection[str], needed: Collection[str] = ()
) -> Entry:
    """A file of the project whose version line says `kind`, its keys checked: only `known` (and the
    version line) may stand in it, all `needed` must."""
    entry = read_yaml(path)
    fields = entry.as_mapping()
    version = fields.get(VERSION_KEY)
    wanted = f"{kind}/v1"
    if version is None:
        raise InputFileError(
            "{place}: the file does not say what it is.",
            hint="Write `tanzaku: {wanted}` as its first line.",
            place=entry.place,
            wanted=wanted,
        )
    if version.content != wanted:
        raise InputFileError(
            "{place}: this must be `tanzaku: {wanted}`; found {found}.",
            place=version.place,
            wanted=wanted,
            found=version.found,
        )
    entry.as_fields((VERSION_KEY, *known), needed)
    _refuse_keys(entry)
    return entry


def _refuse_keys(entry: Entry) -> None:
    """An API key written out is a secret under git."""
    if isinstance(entry.content, dict | list):
        parts = entry.content
        for one in parts.values() if isinstance(parts, dict) else parts:
            _refuse_keys(one)
    elif isinstance(entry.content, str) and _API_KEY.search(entry.content):
        raise InputFileError(
            "{place}: `{key}` holds an API key.",
            hint="Take it out and make it void; write `{{{{secret.NAME}}}}`, and under the environment's `secrets` where it is.",
            place=entry.place,
            key=entry.key,
        )


def find_file(text: Entry, root: Path) -> Path:
    """The file of the project that a text names, relative to `root`; InputFileError when it lies
    outside or is not there, with the nearest one that is."""
    name = text.as_text()
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputFileError(
            "{place}: {name} lies outside the project.",
            hint="Name a file below the folder of tanzaku.yaml.",
            place=text.place,
            name=name,
        )
    if not path.is_file():
        near = find_near_file(name, root)
        raise InputFileError(
            "{place}: there is no file {name} in the project.",
            hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
            place=text.place,
            name=name,
            **near,
        )
    return path


def find_near_file(name: str, root: Path) -> dict[str, Any]:
    """As `find_near`, of the files in the folder that is named."""
    folder = (root / name).parent
    there = folder.iterdir() if folder.is_dir() else ()
    return find_near(name, [one.relative_to(root).as_posix() for one in there if one.is_file()])


def find_identity(path: Path, folder: Path) -> str:
    """A file's identity: its path below `folder` without suffix, with slashes."""
    below = path.resolve().relative_to(folder.resolve()).as_posix()
    return below.rpartition(".")[0] or below


def parse_variables(entry: Entry | None) -> Mapping[str, object]:
    """The `variables` of a project or environment: names with plain values, which are not filled
    themselves."""
    if entry is None:
        return {}
    for name, one in entry.as_mapping().items():
        if _NAME.fullmatch(name) is None or name in {"secret", "true", "false", "null", "not"}:
            raise InputFileError(
                "{place}: `{name}` cannot be the name of a variable.",
                hint="A name is letters, digits, `_` and `-`, and begins with a letter.",
                place=one.name_place,
                name=name,
            )
        _refuse_places(one)
    values: dict[str, object] = entry.plain
    return values


def _refuse_places(entry: Entry) -> None:
    if isinstance(entry.content, dict):
        for one in entry.content.values():
            _refuse_places(one)
    elif isinstance(entry.content, list):
        for one in entry.content:
            _refuse_places(one)
    elif isinstance(entry.content, str) and "{{" in entry.content:
        raise InputFileError(
            "{place}: `{key}` holds a place, and variables are not filled.",
            hint="Write the value out; put the place where the variable is used.",
            place=entry.place,
            key=entry.key,
        )


def parse_budget_usd(entry: Entry | None) -> Entry | None:
    """The `usd` of a `budget`, checked to be a number of dollars from 0 up."""
    if entry is None:
        return None
    usd = entry.as_fields(("usd",), ("usd",))["usd"]
    usd.as_number(0, 1e9)
    return usd


def build_place(path: Path) -> Place:
    """The top of a file."""
    return Place(str(path), 1, 1)
