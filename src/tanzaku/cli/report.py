"""`tanzaku report`: the report on an execution once more, from its log; and the options that name
files for reports."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tanzaku.cli.context import CliContext
from tanzaku.look import Messages

if TYPE_CHECKING:
    from tanzaku.workbench.reports import ReportKind

_KINDS: Final[tuple["ReportKind", ...]] = ("html", "junit", "json", "markdown", "har")


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    return click.Command(
        "report",
        callback=click.pass_obj(report),
        params=[
            click.Argument(["execution"], required=False, metavar="[EXECUTION]"),
            *list_options(messages),
        ],
        help=messages.say("cli.report.help"),
    )


def list_options(messages: Messages) -> Iterator[click.Option]:
    """`--html FILE` and its like, for every command that can leave reports."""
    path = click.Path(path_type=Path, dir_okay=False)
    for kind in _KINDS:
        shown = messages.say(f"cli.report.{kind}.help")
        yield click.Option([f"--{kind}"], type=path, metavar="FILE", help=shown)


def take_paths(words: dict[str, Any]) -> dict["ReportKind", Path]:
    """The files that those options name, taken out of a command's words."""
    paths = {kind: words.pop(kind) for kind in _KINDS}
    return {kind: path for kind, path in paths.items() if path is not None}


def report(context: CliContext, execution: str | None, **words: Any) -> None:
    """Show what an execution came to and write the files that are asked for. `execution` may be the
    path of a log, which needs no project."""
    from tanzaku.workbench.project import load_project
    from tanzaku.workbench.reports import ConsoleReport, write_reports
    from tanzaku.workbench.runner import find_log, read_events

    if execution is not None and Path(execution).is_file():
        log = Path(execution)
    else:
        log = find_log(load_project(Path()).root, execution)
    events = read_events(log)
    written = write_reports(events, take_paths(words), context.messages.language)
    console = ConsoleReport(context.terminal, context.messages)
    for event in written.events:
        console(event)
