"""`tanzaku import`: an OpenAPI document or a curl command becomes request files."""

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.core import UserError
from tanzaku.look import Messages, format_count

if TYPE_CHECKING:
    from tanzaku.workbench.openapi import Change, ChangeKind, ImportReport, Problem

_SHOWN = 10
_KINDS: "tuple[ChangeKind, ...]" = ("added", "changed", "removed", "conflict", "edited", "deleted")
_TONES: dict[str, Any] = {"conflict": "bad", "removed": "warn", "added": "good", "changed": "good"}


class _ImportCommand(click.Command):
    """A curl command may stand on the line as it is: what follows `curl` is its own."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "curl" in args and "--" not in args:
            args.insert(args.index("curl"), "--")
        return super().parse_args(ctx, args)


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say
    return _ImportCommand(
        "import",
        callback=click.pass_obj(import_anything),
        params=[
            click.Argument(["source"], metavar="FILE|'curl …'|-", nargs=-1, required=True),
            click.Option(
                ["--into"],
                metavar="DIR",
                type=click.Path(path_type=Path, file_okay=False),
                help=say("cli.import.into.help"),
            ),
            click.Option(["--check"], is_flag=True, help=say("cli.import.check.help")),
            json_option(messages),
        ],
        help=say("cli.import.help"),
    )


def import_anything(
    context: CliContext, *, source: tuple[str, ...], into: Path | None, check: bool, as_json: bool
) -> None:
    """Import, and say what was done. Exits 1 when `check` finds that something would be."""
    from tanzaku.workbench.project import find_root

    root = into if into is not None else find_root(Path())
    command = _find_command(source)
    if command is not None:
        if check:
            raise UserError("A curl command is imported once; there is nothing to check.")
        _import_curl(context, command, root, as_json=as_json)
        return
    if len(source) > 1:
        raise UserError("Import one document at a time.")
    from tanzaku.simulator import explain_unserved
    from tanzaku.workbench.openapi import import_document

    report = import_document(Path(source[0]), root, explain_unserved, is_check=check)
    if as_json:
        echo_json(_describe(report))
    else:
        _print_report(context, report)
    if check and report.is_drift:
        sys.exit(1)


def _find_command(source: tuple[str, ...]) -> str | list[str] | None:
    """The curl command: on the line as it is, as one text, on standard input, or in a file."""
    if source[0] in {"curl", "curl.exe"} and len(source) > 1:
        return list(source)
    if source[0].lstrip().startswith("curl "):
        return " ".join(source)
    if source == ("-",):
        return sys.stdin.read()
    path = Path(source[0])
    if path.is_file():
        with path.open("rb") as file:
            begin = file.read(200).lstrip()
        if re.match(rb"(\xef\xbb\xbf)?(#[^\n]*\n\s*)*([$>] )?curl(\.exe)?[ \t]", begin):
            return path.read_text("utf-8-sig")
    return None


def _import_curl(
    context: CliContext, command: str | list[str], root: Path, *, as_json: bool
) -> None:
    from tanzaku.workbench.openapi import import_curl

    report = import_curl(command, root)
    if as_json:
        echo_json(
            {
                "file": report.file,
                "secrets": list(report.secrets),
                "variables": list(report.variables),
                "left_out": list(report.left),
                "files": list(report.files),
            }
        )
        return
    say, terminal = context.say, context.terminal
    terminal.line(say("import.curl", file=report.file), "strong")
    if report.files:
        terminal.line(say("import.files", files=", ".join(report.files)))
    if report.secrets:
        terminal.line(say("import.curl.secrets", names=", ".join(report.secrets)))
    if report.variables:
        terminal.line(say("import.curl.variables", names=", ".join(report.variables)), "warn")
    if report.left:
        terminal.line(say("import.curl.left", options=", ".join(report.left)), "warn")


def _describe(report: "ImportReport") -> dict[str, Any]:
    version = report.api_version
    return {
        "document": report.document,
        "replaces": report.replaces,
        "operations": report.operations,
        "unchanged": report.unchanged,
        "changes": [
            {
                "kind": one.kind,
                "file": one.file,
                "operation": one.operation,
                "fields": list(one.fields),
            }
            for one in report.changes
        ],
        "skipped": [
            {
                "operation": one.operation,
                "method": one.method,
                "path": one.path,
                "reason": one.reason,
            }
            for one in report.skipped
        ],
        "problems": [
            {
                "kind": one.kind,
                "mistake": one.is_mistake,
                "pointer": one.pointer,
                "place": str(one.place),
                **one.values,
            }
            for one in report.problems
        ],
        "unfitting_bodies": dict(report.mistakes),
        "api_version": None
        if version is None
        else {"version": version.version, "decided_by": version.decided_by, "date": version.date},
        "files": list(report.files),
        "written": report.is_written,
    }


def _print_report(context: CliContext, report: "ImportReport") -> None:
    say, terminal = context.say, context.terminal
    counts = Counter(change.kind for change in report.changes)
    parts = [
        say(f"import.{kind}", count=format_count(counts[kind])) for kind in _KINDS if counts[kind]
    ]
    if report.unchanged:
        parts.append(say("import.unchanged", count=format_count(report.unchanged)))
    terminal.line(
        say(
            "import.title",
            document=report.document,
            operations=format_count(report.operations),
            what=" · ".join(parts),
        ),
        "strong",
    )
    if report.replaces:
        terminal.line(say("import.replaces", document=report.replaces))
    if version := report.api_version:
        terminal.line(
            say(f"import.version.{version.decided_by}", version=version.version, date=version.date)
        )
    if report.files:
        terminal.line(say("import.files", files=", ".join(report.files)))
    _print_changes(context, report.changes)
    for reason, count in Counter(one.reason for one in report.skipped).items():
        terminal.line(say("import.skipped", reason=reason, count=format_count(count)), "warn")
    _print_problems(context, report.problems)
    for operation, reason in report.mistakes.items():
        terminal.line(say("import.unfitting", operation=operation, reason=reason), "warn")
    if not report.is_written:
        terminal.line(say("import.drift" if report.is_drift else "import.no_drift"))


def _print_changes(context: CliContext, changes: "tuple[Change, ...]") -> None:
    """Line by line, but for what a first import adds."""
    is_first = all(change.kind == "added" for change in changes)
    for change in () if is_first else changes:
        context.terminal.line(
            context.say(
                f"import.change.{change.kind}", file=change.file, fields=", ".join(change.fields)
            ),
            _TONES.get(change.kind, "plain"),
        )


def _print_problems(context: CliContext, problems: "tuple[Problem, ...]") -> None:
    shown: Counter[str] = Counter()
    for problem in problems:
        shown[problem.kind] += 1
        if shown[problem.kind] > _SHOWN:
            continue
        context.terminal.line(
            context.say(
                "import.problem",
                place=problem.place,
                pointer=problem.pointer,
                text=context.say(f"openapi.{problem.kind}", **problem.values),
            ),
            "bad" if problem.is_mistake else "warn",
        )
    for kind, count in shown.items():
        if count > _SHOWN:
            more = format_count(count - _SHOWN)
            context.terminal.line(context.say("import.more", kind=kind, count=more), "warn")
