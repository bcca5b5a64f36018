"""References to secrets: a configuration never holds one itself."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import redact_text

_MOST_BYTES: Final = 64 * 1024
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve_secret(entry: Entry, environment: Mapping[str, str] | None) -> str:
    """What `env:NAME` or `file:PATH` (a file that only its owner may read) refers to; without an
    environment, for who only looks at a configuration, the reference itself.

    Raises InputFileError for a value that is no reference, and for a reference to nothing; no
    message holds what a person may have put there by mistake.
    """
    reference = entry.content if isinstance(entry.content, str) else ""
    kind, _, name = reference.partition(":")
    is_variable = kind == "env" and _VARIABLE.fullmatch(name) is not None
    if not is_variable and (kind != "file" or not name):
        raise InputFileError(
            "{place}: `{key}` must refer to a secret, not hold one.",
            hint="Write `env:NAME` for an environment variable or `file:PATH` for a file.",
            place=entry.place,
            key=entry.key,
        )
    if environment is None:
        return reference
    if is_variable:
        value = environment.get(name, "").strip()
        if not value:
            raise InputFileError(
                "{place}: the environment variable {name} is not set.",
                hint="Set it before the start, or refer to a file with `file:PATH`.",
                place=entry.place,
                name=name,
            )
    else:
        # From the folder of the configuration, where it is no absolute path.
        value = _read_file(entry, Path(entry.place.file).parent / Path(name).expanduser())
    if not value.isascii() or not value.isprintable() or " " in value:
        raise InputFileError(
            "{place}: the secret `{key}` refers to holds a space, a line break or a letter that is not ASCII.",
            hint="Keep the key alone there.",
            place=entry.place,
            key=entry.key,
        )
    return value


def _read_file(entry: Entry, path: Path) -> str:
    shown = redact_text(str(path))  # a key may stand there by mistake
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()[:_MOST_BYTES].decode("ascii", "replace").strip()
    except OSError as error:
        raise InputFileError(
            "{place}: the file {path} cannot be read: {reason}",
            place=entry.place,
            path=shown,
            reason=error.strerror or error,
        ) from error
    if mode & 0o077:
        raise InputFileError(
            "{place}: the file {path} may be read by others.",
            hint="Make it yours alone: chmod 600 {path}",
            place=entry.place,
            path=shown,
        )
    if not text:
        raise InputFileError("{place}: the file {path} is empty.", place=entry.place, path=shown)
    return text
