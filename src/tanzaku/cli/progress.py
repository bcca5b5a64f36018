"""What a person sees while suites are executed."""

from typing import TYPE_CHECKING

from tanzaku.cli.context import CliContext
from tanzaku.look import format_ms, format_usd

if TYPE_CHECKING:
    from tanzaku.workbench.runner import Event


class Progress:
    """A line a case, in the order of the files, and what it all came to."""

    def __init__(self, context: CliContext, cases: int) -> None:
        self._context = context
        self._cases = cases

    def __call__(self, event: "Event") -> None:
        pass

    def tell(self, event: "Event") -> None:
        from tanzaku.workbench.runner import CaseEnded, ExecutionEnded

        terminal = self._context.terminal
        if isinstance(event, CaseEnded):
            terminal.line(
                f"{event.verdict:8} {event.case} {format_ms(event.duration_ms)} {event.reason}"
            )
            if event.verdict not in ("passed", "skipped"):
                for one in event.outcomes:
                    if one.verdict != "pass":
                        terminal.line(f"    {one.assertion} {one.path}: {one.message}")
                terminal.line(f"    {event.reproduce}")
        if isinstance(event, ExecutionEnded):
            terminal.line(
                f"{event.counts} {format_usd(event.spent.usd)} {format_ms(event.duration_ms)}"
            )
