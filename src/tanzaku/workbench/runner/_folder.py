"""Where an execution is kept: `.tanzaku/executions/ID/`, its events and what was asked."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from time import gmtime, strftime
from typing import Any, Final
from urllib.parse import quote

from tanzaku.core import UserError
from tanzaku.workbench.flows import FlowMachine, encode_log

STATE: Final = ".tanzaku"
EVENTS: Final = "events.jsonl"
_ASKED: Final = "asked.json"
_ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}(-[0-9]+)?")
# What an execution reads; its other files (reports, recordings) may change meanwhile.
_READ: Final = (
    "tanzaku.yaml", "environments", "requests", "suites", "flows", "scenarios", "mocks", "data",
    "prompts", "openapi",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExecutionFolder:
    """One execution's folder. `asked` is what was chosen, plain JSON."""

    path: Path
    asked: dict[str, Any]

    @property
    def execution(self) -> str:
        return self.path.name

    @property
    def events(self) -> Path:
        """The log, a JSON line an event."""
        return self.path / EVENTS

    def keep_flow(self, label: str, machine: FlowMachine) -> None:
        """Write the log of a flow into a file of its own, `flows/LABEL.jsonl`, for `tanzaku flow
        replay`."""
        path = self.path / "flows" / f"{quote(label, safe='')}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_log(machine.log))


def is_execution(text: str) -> bool:
    """Whether `text` can name an execution."""
    return _ID.fullmatch(text) is not None


def make_folder(root: Path, now: float, asked: dict[str, Any]) -> ExecutionFolder:
    """A new folder named by the time, Unix seconds; git is told to leave it alone."""
    base = root / STATE / "executions"
    base.mkdir(parents=True, exist_ok=True)
    ignore = root / STATE / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    name = strftime("%Y%m%d-%H%M%S", gmtime(now))
    for tried in _number(name):
        path = base / tried
        try:
            path.mkdir()
        except FileExistsError:
            continue
        content = {**asked, "project": _digest(root)}
        (path / _ASKED).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return ExecutionFolder(path, content)
    raise AssertionError


def find_folder(root: Path, execution: str | None) -> ExecutionFolder:
    """The execution of that name, None the newest. UserError when there is none, or when the
    project's files are not what they were."""
    path = _find(root, execution)
    asked = json.loads((path / _ASKED).read_text(encoding="utf-8"))
    if asked["project"] != _digest(root):
        raise UserError(
            "The project's files have changed since {execution}.",
            hint="Start a new execution: what it found then may not hold now.",
            execution=path.name,
        )
    return ExecutionFolder(path, asked)


def find_log(root: Path, execution: str | None) -> Path:
    """The log of the execution of that name, None the newest. UserError when there is none."""
    return _find(root, execution) / EVENTS


def _find(root: Path, execution: str | None) -> Path:
    base = root / STATE / "executions"
    names = sorted(path.parent.name for path in base.glob(f"*/{_ASKED}"))
    if not names or (execution is not None and execution not in names):
        raise UserError(
            "There is no such execution in {folder}.",
            hint="Known are {known}." if names else "`tanzaku test` makes one.",
            folder=base,
            known=", ".join(names[-5:]),
        )
    return base / (execution or names[-1])


def _number(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _digest(root: Path) -> str:
    """Of every file that an execution may read: its path, its size and when it was written."""
    digest = blake2b(digest_size=16)
    for path in sorted(_list_files(root / name for name in _READ)):
        stat = path.stat()
        line = f"{path.relative_to(root)}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _list_files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
        elif place.is_dir():
            yield from (path for path in place.rglob("*") if path.is_file())
