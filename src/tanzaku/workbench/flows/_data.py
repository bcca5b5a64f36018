"""Data sets: a table whose rows become a case's variables."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any, Final

from tanzaku.core import InputFileError

MAX_ROWS: Final = 100_000
SUFFIXES: Final = (".csv", ".json", ".jsonl")
_JSON: Final = ":json"


def load_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file (its first line names the columns; values are texts, in a column
    `NAME:json` JSON), a JSON file (a list of objects) or a JSONL file (an object a line).
    InputFileError, with the line, for anything else."""
    if path.suffix not in SUFFIXES:
        raise InputFileError(
            "{file}: data is read from {suffixes}.", file=path, suffixes=", ".join(SUFFIXES)
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputFileError(
            "{file}: cannot be read: {reason}.", file=path, reason=error.strerror
        ) from None
    except UnicodeDecodeError as error:
        raise InputFileError(
            "{file}: is not UTF-8 text: byte {at} cannot be read.", file=path, at=error.start
        ) from None
    rows = _READERS[path.suffix](text, path)
    if not rows or len(rows) > MAX_ROWS:
        raise InputFileError(
            "{file}: must have from 1 to {most} rows; found {found}.",
            file=path,
            most=MAX_ROWS,
            found=len(rows),
        )
    return rows


def _read_csv(text: str, path: Path) -> list[dict[str, Any]]:
    lines = csv.reader(StringIO(text), strict=True)
    rows: list[dict[str, Any]] = []
    try:
        heads = [name.strip() for name in next(lines, [])]
        names = [head.removesuffix(_JSON) for head in heads]
        if "" in names or len(set(names)) < len(names):
            raise InputFileError("{file}:1: every column needs a name of its own.", file=path)
        for values in lines:
            if not values:
                continue
            if len(values) != len(names):
                raise InputFileError(
                    "{file}:{line}: has {found} values for {wanted} columns.",
                    file=path,
                    line=lines.line_num,
                    found=len(values),
                    wanted=len(names),
                )
            rows.append(
                {
                    name: _parse(value, path, lines.line_num) if head != name else value
                    for head, name, value in zip(heads, names, values, strict=True)
                }
            )
    except csv.Error as error:
        raise InputFileError(
            "{file}:{line}: is not CSV: {reason}.", file=path, line=lines.line_num, reason=error
        ) from None
    return rows


def _read_json(text: str, path: Path) -> list[dict[str, Any]]:
    rows = _parse(text, path, 0)
    if not isinstance(rows, list):
        raise InputFileError("{file}: must be a list of objects.", file=path)
    return [_check_row(row, path, f"[{index}]") for index, row in enumerate(rows)]


def _read_jsonl(text: str, path: Path) -> list[dict[str, Any]]:
    return [
        _check_row(_parse(line, path, number), path, f":{number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]


def _parse(text: str, path: Path, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(
            "{file}:{line}:{column}: is not JSON: {reason}.",
            file=path,
            line=line or error.lineno,
            column=error.colno,
            reason=error.msg,
        ) from None


def _check_row(row: Any, path: Path, at: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InputFileError("{file}{at}: a row must be an object.", file=path, at=at)
    return row


_READERS = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_jsonl}
