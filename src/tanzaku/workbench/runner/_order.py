"""Events in the order of the files, whatever order the cases end in."""

from collections.abc import Callable, Sequence

from tanzaku.workbench.runner._events import (
    CaseEnded,
    CaseStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
)

type Listener = Callable[[Event], None]


class InOrder:
    """A listener before `listener`: passes on each case's events together, the cases in the files'
    order. What comes too early waits for the cases before it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._keys: Sequence[str] = ()
        self._next = 0
        self._waiting: dict[str, list[Event]] = {}
        self._ended: set[str] = set()

    def __call__(self, event: Event) -> None:
        match event:
            case ExecutionStarted():
                self._keys = event.cases
                self._listener(event)
            case CaseStarted() | ReplyCame():
                self._waiting.setdefault(event.case, []).append(event)
            case CaseEnded():
                self._waiting.setdefault(event.case, []).append(event)
                self._ended.add(event.case)
                self._pass_on()
            case ExecutionEnded():
                self._listener(event)

    def _pass_on(self) -> None:
        while self._next < len(self._keys) and self._keys[self._next] in self._ended:
            for event in self._waiting.pop(self._keys[self._next]):
                self._listener(event)
            self._next += 1
