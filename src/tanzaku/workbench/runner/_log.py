"""The log of an execution: one event a line, appended as it happens."""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tanzaku.core import UserError
from tanzaku.workbench.runner._codec import encode_event, parse_event
from tanzaku.workbench.runner._events import CaseEnded, Event

_KEEP_S: Final = 0.1


class EventLog:
    """A listener that appends every event to the file at `path`, which it makes where it is missing.

    A line is handed to the system whole before the next event, so a killed process loses nothing
    but what it was about to write, and a torn last line that it left is cut off when the log is
    opened again. Of cases that ended a power cut loses those of its last tenth of a second: the
    system puts the log on disk at the first case that ends after that, and at `close`.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._kept_at = float("-inf")
        whole = _measure_whole_lines(path)
        if whole < path.stat().st_size:
            os.truncate(self._file.fileno(), whole)

    def __call__(self, event: Event) -> None:
        rest = memoryview(encode_event(event))
        while rest:
            rest = rest[self._file.write(rest) :]
        if isinstance(event, CaseEnded) and event.at - self._kept_at >= _KEEP_S:
            os.fsync(self._file.fileno())
            self._kept_at = event.at

    def close(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_events(path: Path) -> list[Event]:
    """The events of a log in the order they were written. A last line without its line feed was cut
    off by a crash and is left out. UserError for a file that is no log, with its line."""
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(
            "{file}: cannot be read: {reason}.",
            hint="`tanzaku test` writes the log of each execution under .tanzaku/.",
            file=path,
            reason=error.strerror,
        ) from None
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(parse_event(line))
        except (ValueError, RecursionError) as error:
            raise UserError(
                "{file}:{line}: this is no event of an execution: {reason}",
                hint="`tanzaku test` writes the log of each execution under .tanzaku/.",
                file=path,
                line=number,
                reason=error,
            ) from None
    if not events:
        raise UserError("{file}: nothing is logged in it.", file=path)
    return events


def _measure_whole_lines(path: Path) -> int:
    """Bytes up to the last line feed, that included."""
    return path.read_bytes().rfind(b"\n") + 1
