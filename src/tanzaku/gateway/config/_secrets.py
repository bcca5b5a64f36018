"""References to secrets: a configuration never holds one itself."""

from collections.abc import Mapping
from pathlib import Path

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry

_MOST_BYTES = 64 * 1024


def resolve_secret(entry: Entry, environment: Mapping[str, str]) -> str:
    """What `env:NAME` or `file:PATH` (a file that only its owner may read) refers to.

    Raises InputFileError for a value that is no reference, and for a reference to nothing; no
    message holds what a person may have put there by mistake.
    """
    kind, _, name = entry.as_text().partition(":")
    if kind == "env" and name:
        value = environment.get(name, "").strip()
        if not value:
            raise InputFileError(
                "{place}: the environment variable {name} is not set.",
                hint="Set it before the start, or refer to a file with `file:PATH`.",
                place=entry.place,
                name=name,
            )
    elif kind == "file" and name:
        value = _read_file(entry, Path(name).expanduser())
    else:
        raise InputFileError(
            "{place}: `{key}` must refer to a secret, not hold one.",
            hint="Write `env:NAME` for an environment variable or `file:PATH` for a file.",
            place=entry.place,
            key=entry.key,
        )
    if not value.isascii() or not value.isprintable() or " " in value:
        raise InputFileError(
            "{place}: the secret `{key}` refers to holds a space, a line break or a letter that is not ASCII.",
            hint="Keep the key alone there.",
            place=entry.place,
            key=entry.key,
        )
    return value


def _read_file(entry: Entry, path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()[:_MOST_BYTES].decode("ascii", "replace").strip()
    except OSError as error:
        raise InputFileError(
            "{place}: the file {path} cannot be read: {reason}",
            place=entry.place,
            path=path,
            reason=error.strerror or error,
        ) from error
    if mode & 0o077:
        raise InputFileError(
            "{place}: the file {path} may be read by others.",
            hint="Make it yours alone: chmod 600 {path}",
            place=entry.place,
            path=path,
        )
    if not text:
        raise InputFileError("{place}: the file {path} is empty.", place=entry.place, path=path)
    return text
