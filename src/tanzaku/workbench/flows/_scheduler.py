"""Works that wait for one another and for what only a driver can do, in turns and without I/O.

A work is a generator. It yields an action and is sent what the driver took, or yields `Together`
and is sent the results of its parts. It knows nothing of numbers and of who else is at work.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tanzaku.workbench.flows._actions import Action

type Work[T] = Generator[Any, Any, T]


@dataclass(frozen=True, slots=True)
class Part:
    """`begin` makes the work; it is called when the parts numbered in `needs` have ended."""

    begin: Callable[[], Work[Any]]
    needs: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Together:
    """Wish for the results of all parts, in their order however they end; at most `parallel` of
    them are at work at one time."""

    parts: Sequence[Part]
    parallel: int


@dataclass(slots=True, eq=False)
class _Task:
    work: Work[Any]
    parent: "_Group | None"
    index: int


@dataclass(slots=True, eq=False)
class _Group:
    """What is left of one `Together`: its needs are a graph without circles."""

    task: _Task
    wish: Together
    missing: list[int]
    followers: list[list[int]]
    results: list[Any]
    left: int
    at_work: int = 0
    free: deque[int] = field(default_factory=deque)


class Scheduler:
    """Turns a work into numbered actions and feeds it what was taken for each."""

    def __init__(self, work: Work[Any]) -> None:
        self._ready: deque[tuple[_Task, Any]] = deque([(_Task(work, None, 0), None)])
        self._waiting: dict[int, _Task] = {}
        self._count = 0
        self.result: Any = None
        self.is_done = False

    def take(self, number: int, value: Any) -> None:
        """The action's value. KeyError for a number that nobody waits for."""
        self._ready.append((self._waiting.pop(number), value))

    def advance(self) -> list[Action]:
        """Everything at work goes on as far as it can; the actions it came to, in order."""
        actions: list[Action] = []
        while self._ready:
            task, value = self._ready.popleft()
            try:
                wish = task.work.send(value)
            except StopIteration as ended:
                self._end(task, ended.value)
                continue
            if isinstance(wish, Together):
                self._open(task, wish)
                continue
            self._count += 1
            self._waiting[self._count] = task
            actions.append(replace(wish, number=self._count))
        return actions

    def _open(self, task: _Task, wish: Together) -> None:
        count = len(wish.parts)
        if not count:
            self._ready.append((task, []))
            return
        followers: list[list[int]] = [[] for _ in wish.parts]
        for index, part in enumerate(wish.parts):
            for need in part.needs:
                followers[need].append(index)
        missing = [len(part.needs) for part in wish.parts]
        group = _Group(task, wish, missing, followers, [None] * count, count)
        group.free.extend(index for index in range(count) if not missing[index])
        self._begin_free(group)

    def _begin_free(self, group: _Group) -> None:
        while group.free and group.at_work < group.wish.parallel:
            index = group.free.popleft()
            group.at_work += 1
            work = group.wish.parts[index].begin()
            self._ready.append((_Task(work, group, index), None))

    def _end(self, task: _Task, result: Any) -> None:
        group = task.parent
        if group is None:
            self.result, self.is_done = result, True
            return
        group.results[task.index] = result
        group.at_work -= 1
        group.left -= 1
        for follower in group.followers[task.index]:
            group.missing[follower] -= 1
            if not group.missing[follower]:
                group.free.append(follower)
        if group.left:
            self._begin_free(group)
        else:
            self._ready.append((group.task, group.results))
