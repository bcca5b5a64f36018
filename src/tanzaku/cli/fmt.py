"""`tanzaku fmt`: the project's files in their one layout."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click

from tanzaku.cli.context import CliContext
from tanzaku.core import InputFileError
from tanzaku.look import Messages

_SUFFIXES = (".yaml", ".yml")
# A file of a project says on a line of its own what it is; others need not be looked into.
_VERSION_LINE = re.compile(r"""^\s*\{?\s*["']?tanzaku["']?\s*:""", re.MULTILINE)


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say
    return click.Command(
        "fmt",
        callback=click.pass_obj(format_files),
        params=[
            click.Argument(
                ["paths"], metavar="[PATH…]", nargs=-1, type=click.Path(path_type=Path, exists=True)
            ),
            click.Option(["--check"], is_flag=True, help=say("cli.fmt.check.help")),
        ],
        help=say("cli.fmt.help"),
    )


def format_files(context: CliContext, *, paths: tuple[Path, ...], check: bool) -> None:
    """Lay out the files below `paths`, the current folder by default; with `check` only name those
    that are not, and end with 1 when there are any."""
    from tanzaku.workbench.project import format_document

    changed = 0
    files = [file for path in paths or (Path(),) for file in _find_files(path)]
    for path in files:
        text = _read(path)
        neat = format_document(text, str(path))
        if neat == text:
            continue
        changed += 1
        if not check:
            _write(path, neat)
        context.terminal.line(str(path), "warn" if check else "good")
    key = "fmt.would_change" if check else "fmt.changed"
    context.terminal.line(context.say(key, changed=changed, files=len(files)), "faint")
    if check and changed:
        raise SystemExit(1)


def _find_files(path: Path) -> Iterator[Path]:
    """`path` itself, or the files of a project below it; hidden folders are passed by."""
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if file.suffix in _SUFFIXES and _VERSION_LINE.search(_peek(file)):
                yield file


def _peek(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InputFileError(
            "{file}: is not UTF-8 text: byte {at} cannot be read.", file=path, at=error.start
        ) from None


def _write(path: Path, text: str) -> None:
    """In one step, so that no half of it is ever there."""
    target = path.resolve()
    beside = target.with_name(f".{target.name}.new")
    beside.write_bytes(text.encode())
    beside.chmod(target.stat().st_mode & 0o777)
    beside.replace(target)
