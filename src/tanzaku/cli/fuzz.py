"""`tanzaku fuzz`: Schemathesis against an environment, what it finds kept as cases."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.cli.targets import Target, check_live, open_target
from tanzaku.core import InputFileError, UserError
from tanzaku.look import Messages, format_count

if TYPE_CHECKING:
    from tanzaku.workbench.fuzz import Finding, Fuzzing, Outcome, Subject
    from tanzaku.workbench.project import Environment, Project

_EXAMPLES: Final = 50
_BROKEN: Final = 3


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""

    def option(*names: str, **more: Any) -> click.Option:
        key = names[0].removeprefix("--").replace("-", "_")
        return click.Option(list(names), help=messages.say(f"cli.fuzz.{key}.help"), **more)

    return click.Command(
        "fuzz",
        callback=click.pass_obj(fuzz_document),
        params=[
            click.Argument(["document"], required=False),
            option("--environment", "-e", metavar="NAME"),
            option("--live", is_flag=True),
            option("--max-time", type=click.IntRange(1, 3600), metavar="S"),
            option("--max-examples", type=click.IntRange(1, 100_000)),
            option("--seed", type=click.IntRange(0)),
            json_option(messages),
        ],
        help=messages.say("cli.fuzz.help"),
    )


def fuzz_document(
    context: CliContext,
    *,
    document: str | None,
    environment: str | None,
    live: bool,
    max_time: int | None,
    max_examples: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Fuzz, write the cases and tell what was found. Exits 1 when something was, 3 when
    Schemathesis could not do its work."""
    from tanzaku.workbench.fuzz import Fuzzing, find_subject, write_findings
    from tanzaku.workbench.project import load_environment, load_project

    project = load_project(Path())
    where = load_environment(project, environment)
    if check_live(where, live=live) and max_examples is None:
        raise UserError(
            "What fuzzing the live API will cost cannot be estimated: the requests are made as it goes.",
            hint="Bound it with --max-examples, for each operation, and with --max-time.",
        )
    subject = find_subject(project, document)
    fuzzing = Fuzzing(project.seed if seed is None else seed, max_examples or _EXAMPLES, max_time)
    outcome, findings, unchecked = asyncio.run(
        _fuzz(context, project, where, subject, fuzzing, live=live)
    )
    write_findings(subject.suite, subject.name, findings)
    suite = subject.suite.relative_to(project.root).as_posix()
    if as_json:
        echo_json(_describe(outcome, findings, suite, unchecked))
    else:
        _print(context, outcome, findings, suite)
        for one in unchecked:
            context.terminal.line(context.say(f"fuzz.unchecked.{one}"), "warn")
    if outcome.trouble is not None:
        raise UserError(
            "Schemathesis could not do its work: {said}",
            exit_code=_BROKEN,
            said=outcome.trouble.strip(),
        )
    if findings:
        sys.exit(1)


async def _fuzz(
    context: CliContext,
    project: "Project",
    environment: "Environment",
    subject: "Subject",
    fuzzing: "Fuzzing",
    *,
    live: bool,
) -> "tuple[Outcome, list[Finding], tuple[str, ...]]":
    from tanzaku.workbench.fuzz import build_findings, build_settings, fuzz

    async with open_target(context, environment, live=live) as target:
        settings = build_settings(
            subject.document,
            environment,
            subject.requests,
            fuzzing,
            target.base_url.rstrip("/") + subject.prefix,
        )
        outcome = await fuzz(subject.path, settings, fuzzing.max_time_s)

        async def repeat(use: str, patch: Mapping[str, Any]) -> int | None:
            return await _repeat(project, environment, target, use, patch)

        findings = await build_findings(
            outcome.failures, subject.sources, environment.auth, fuzzing.seed, repeat
        )
    return outcome, findings, settings.unchecked


async def _repeat(
    project: "Project",
    environment: "Environment",
    target: Target,
    use: str,
    patch: Mapping[str, Any],
) -> int | None:
    """The status the case is answered with; None when it cannot be sent or would hold a secret."""
    from tanzaku.workbench.project import build_request, load_request

    written = json.dumps(patch, ensure_ascii=False)
    if any(secret in written for secret in environment.secrets.list_values()):
        return None
    try:
        request = build_request(
            load_request(use, project.root), environment, environment.scope, patch
        )
    except InputFileError:
        return None
    return (await target.sender.send(request)).status


def _describe(
    outcome: "Outcome", findings: "list[Finding]", suite: str, unchecked: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "unchecked": list(unchecked),
        "findings": [
            {
                "operation": one.operation,
                "check": one.check,
                "title": one.title,
                "case": None if one.case is None else f"{suite}#{one.case}",
            }
            for one in findings
        ],
        "seconds": round(outcome.seconds, 2),
        "examples": outcome.examples,
    }


def _print(context: CliContext, outcome: "Outcome", findings: "list[Finding]", suite: str) -> None:
    say = context.say
    context.terminal.line(
        say(
            "fuzz.done",
            examples=format_count(outcome.examples),
            seconds=f"{outcome.seconds:.1f}",
            findings=format_count(len(findings)),
        ),
        "strong",
    )
    if not findings:
        return
    context.terminal.table(
        say("fuzz.title"),
        [say(f"fuzz.{key}") for key in ("operation", "check", "what", "case")],
        [(one.operation, one.check, one.title, one.case or "–") for one in findings],
    )
    if any(one.case is not None for one in findings):
        context.terminal.line(say("fuzz.written", suite=suite))
    if any(one.case is None for one in findings):
        context.terminal.line(say("fuzz.without_case"), "warn")
