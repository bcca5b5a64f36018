"""What a person sees while suites are executed."""

from decimal import Decimal
from typing import TYPE_CHECKING, Self

from tanzaku.cli.context import CliContext
from tanzaku.look import format_ms, format_usd
from tanzaku.workbench.runner import CaseEnded, Event, ExecutionEnded, ReplyCame

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress:
    """On a terminal a bar with what was spent so far, which goes away at the end; nothing
    elsewhere."""

    def __init__(self, context: CliContext, cases: int, budget: Decimal | None) -> None:
        self._context = context
        self._terminal = context.terminal
        self._cases = cases
        self._budget = budget
        self._usd = Decimal(0)
        self._bad = 0
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._terminal.console.is_terminal:
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
            self._task = self._bar.add_task("", total=self._cases)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, ReplyCame):
            self._usd += event.reply.cost_usd or 0
        elif isinstance(event, CaseEnded):
            self._bad += event.verdict in {"failed", "error"} and not event.is_accepted
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                advance=isinstance(event, CaseEnded),
                description=self._describe(),
            )

    def _describe(self) -> str:
        most = "" if self._budget is None else f" / {format_usd(self._budget)}"
        bad = self._context.say("test.bad", count=self._bad) if self._bad else ""
        return f"{format_usd(self._usd)}{most}  {bad}"

    def tell(self, event: Event) -> None:
        """A line a case."""
        terminal = self._terminal
        if isinstance(event, CaseEnded):
            terminal.line(
                f"{event.verdict:8} {event.case} {format_ms(event.duration_ms)} {event.reason}"
            )
            if event.verdict not in {"passed", "skipped"}:
                for one in event.outcomes:
                    if one.verdict != "pass":
                        terminal.line(f"    {one.assertion} {one.path}: {one.message}")
                terminal.line(f"    {event.reproduce}")
        if isinstance(event, ExecutionEnded):
            terminal.line(
                f"{event.counts} {format_usd(event.spent.usd)} {format_ms(event.duration_ms)}"
            )
