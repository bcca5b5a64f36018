"""How far an execution has come."""

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from tanzaku.look import Messages, Terminal, format_usd
from tanzaku.workbench.runner import CaseEnded, Event, ExecutionEnded, ExecutionStarted, ReplyCame

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress:
    """On a terminal a bar with what was spent so far, which goes away at the end; nothing
    elsewhere."""

    def __init__(self, terminal: Terminal, messages: Messages, budget: Decimal | None) -> None:
        self._terminal = terminal
        self._messages = messages
        self._budget = budget
        self._usd = Decimal(0)
        self._bad = 0
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=self._terminal.console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: Event) -> None:
        if self._bar is None or self._task is None:
            return
        if isinstance(event, ExecutionEnded):
            self._bar.stop()
        elif isinstance(event, ExecutionStarted):
            self._bar.update(self._task, total=len(event.cases))
        elif isinstance(event, ReplyCame):
            self._usd += event.reply.cost_usd or 0
        elif isinstance(event, CaseEnded):
            self._bad += event.verdict in {"failed", "error"} and not event.is_accepted
        self._bar.update(
            self._task, advance=isinstance(event, CaseEnded), description=self._describe()
        )

    def _describe(self) -> str:
        most = "" if self._budget is None else f" / {format_usd(self._budget)}"
        bad = self._messages.say("test.bad", count=self._bad) if self._bad else ""
        return f"{format_usd(self._usd)}{most}  {bad}"
