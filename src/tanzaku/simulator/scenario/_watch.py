"""Scenario files that may change while they run."""

from collections.abc import Sequence
from pathlib import Path

from tanzaku.core import InputFileError
from tanzaku.simulator.scenario._read import load_scenario
from tanzaku.simulator.scenario._run import ScenarioRun

INTERVAL_S = 1.0

type _Mark = tuple[int, int]


class ScenarioWatch:
    """Keeps a run on what its files say.

    Synchronous over `now` (seconds of any clock): a look at the files is one `stat` each, at most
    once a second. A broken edit leaves the rules as they were; reading a large file takes a
    while (0.3 s for 80 KB), so a server may prefer to call `check` in a thread.
    """

    def __init__(self, run: ScenarioRun, paths: Sequence[Path], *, now: float) -> None:
        """Load `paths` into `run`; raises InputFileError."""
        self._run = run
        self._paths = tuple(paths)
        self._marks = self._look()
        self._next = now + INTERVAL_S
        run.set_rules(*map(load_scenario, self._paths))

    def check(self, now: float) -> InputFileError | None:
        """Take up what changed. Gives the error of a broken edit, once for each."""
        if now < self._next:
            return None
        self._next = now + INTERVAL_S
        marks = self._look()
        if marks == self._marks:
            return None
        self._marks = marks
        try:
            self._run.set_rules(*map(load_scenario, self._paths))
        except InputFileError as error:
            return error
        return None

    def _look(self) -> list[_Mark | None]:
        """When each file was written and how long it is; None for one that is not there."""
        marks: list[_Mark | None] = []
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                marks.append(None)
            else:
                marks.append((status.st_mtime_ns, status.st_size))
        return marks
