"""A request file of a project sent, or written as code: `tanzaku send requests/x.yaml`."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tanzaku.cli.admin import DEFAULT_URL
from tanzaku.cli.context import CliContext, echo_json, parse_variable
from tanzaku.core import UserError
from tanzaku.look import format_count, format_usd

if TYPE_CHECKING:
    from tanzaku.transport import HttpRequest
    from tanzaku.workbench.project import Environment, Project, RequestFile
    from tanzaku.workbench.sending import Reply

COPIES: Final = ("curl", "python", "typescript")
_SUFFIXES: Final = (".yaml", ".yml")
_NO_BUDGET: Final = 4
_BROKEN: Final = 3


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a request file is to be sent and its answer shown, as the command line has it."""

    environment: str | None
    variables: Sequence[str]
    live: bool
    events: bool
    headers: bool
    as_sent: bool
    raw: bool
    as_json: bool
    copy: str | None


def find_request_file(word: str) -> Path | None:
    """The request file that an argument names: a YAML file, or anything below a folder `requests`
    without white space; None for a prompt."""
    if not word or "\0" in word or len(word) > 4096:
        return None
    path = Path(word)
    if path.suffix in _SUFFIXES and path.is_file():
        return path
    if "requests" not in path.parts[:-1] or any(map(str.isspace, word)):
        return None
    with_suffix = [path.with_name(path.name + suffix) for suffix in _SUFFIXES]
    return next((one for one in with_suffix if one.is_file()), path)


def send_request_file(context: CliContext, path: Path, wishes: Wishes) -> None:
    """Send it and show the answer. Exits with 1 for an answer that is an error, 3 for none or a
    broken one, 4 where the project's budget has no room for it."""
    from tanzaku.transport import new_event_loop
    from tanzaku.workbench.project import (
        build_request,
        load_environment,
        load_project,
        load_request,
    )

    project = load_project(path if path.exists() else Path(), context.environment)
    environment = load_environment(project, wishes.environment)
    file = load_request(path.resolve() if path.exists() else path, project.root)
    if wishes.copy is not None:
        click.echo(_write_copy(context, file, environment, wishes), nl=False)
        return
    variables = dict(map(parse_variable, wishes.variables))
    request = build_request(file, environment, environment.scope.with_temporary(variables))
    _note_bad_json(context, request)
    _check_cost(context, project, environment, request, is_meant=wishes.live)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        reply = runner.run(_send(context, project, environment, request, file.timeout_s))
    _show(context, reply, environment, wishes)
    click.get_current_context().exit(_find_exit_code(reply))


async def _send(
    context: CliContext,
    project: "Project",
    environment: "Environment",
    request: "HttpRequest",
    timeout_s: float,
) -> "Reply":
    from tanzaku.cli.targets import SimulatorNeeds, open_target

    async with AsyncExitStack() as stack:
        needs = SimulatorNeeds(seed=project.seed)
        target = await stack.enter_async_context(
            open_target(context, environment, live=True, needs=needs)
        )
        return await target.sender.send(request, timeout_s=timeout_s)


def _check_cost(
    context: CliContext,
    project: "Project",
    environment: "Environment",
    request: "HttpRequest",
    *,
    is_meant: bool,
) -> None:
    """What a live request can cost is said, and held against the budget, before it is sent."""
    from tanzaku.cli.targets import may_cost
    from tanzaku.workbench.flows import bound_request

    if not may_cost(environment):
        return
    bound = bound_request(request, is_live=True)
    if not is_meant:
        raise UserError(
            "The environment `{name}` asks the live API, where this request may cost {usd}.",
            hint="Add --live if that is meant.",
            name=environment.id,
            usd=format_usd(bound.usd),
        )
    key = "send.live" if bound.usd is not None else "send.live.unknown"
    usd, tokens = format_usd(bound.usd), format_count(bound.output_tokens)
    context.terminal_for_notes.line(
        context.say(key, name=environment.id, usd=usd, tokens=tokens), "warn"
    )
    budget = project.budget_usd
    if budget is not None and (bound.usd is None or bound.usd > budget):
        raise UserError(
            "This request may cost {usd}; the project's budget is {budget}.",
            hint="Lower max_tokens, or raise `budget` in tanzaku.yaml.",
            exit_code=_NO_BUDGET,
            usd=usd,
            budget=format_usd(budget),
        )


def _note_bad_json(context: CliContext, request: "HttpRequest") -> None:
    """A body that says it is JSON and is none may be meant; it is shown all the same."""
    from tanzaku.cli.answers import show_json_problem
    from tanzaku.transport import get_header
    from tanzaku.workbench.sending import find_json_problem

    kind = get_header(request.headers, b"content-type") or b""
    if b"json" not in kind.lower() or (problem := find_json_problem(request.body)) is None:
        return
    notes = context.terminal_for_notes
    notes.line(context.say("send.json.request"), "warn")
    show_json_problem(context, notes, problem)


def _write_copy(
    context: CliContext, file: "RequestFile", environment: "Environment", wishes: Wishes
) -> str:
    """The snippet. No secret is read for it: a word of its own stands for each."""
    from tanzaku.cli.targets import find_base_url
    from tanzaku.workbench.project import Scope, build_request
    from tanzaku.workbench.sending import render_snippet

    variables = environment.secrets.list_variables()
    words = {name: f"tanzaku-secret-{number}-" for number, name in enumerate(variables)}
    scope = Scope(
        dict(map(parse_variable, wishes.variables)),
        environment.variables,
        environment.globals,
        words,
    )
    request = build_request(file, environment, scope)
    base_url = find_base_url(environment)
    if base_url is None:
        context.terminal_for_notes.line(
            context.say("send.copy.simulator", url=DEFAULT_URL), "faint"
        )
    secrets = {variables[name]: word for name, word in words.items()}
    match wishes.copy:
        case "curl" | "python" | "typescript":
            return render_snippet(request, base_url or DEFAULT_URL, wishes.copy, secrets)
        case _:
            raise AssertionError(wishes.copy)


def _show(context: CliContext, reply: "Reply", environment: "Environment", wishes: Wishes) -> None:
    from tanzaku.cli.answers import AnswerView, describe_reply

    if wishes.raw:
        sys.stdout.buffer.write(reply.body)
    elif wishes.as_json:
        echo_json(describe_reply(reply, environment.id))
    else:
        view = AnswerView(context, reply)
        view.show(as_sent=wishes.as_sent, headers=wishes.headers, events=wishes.events)
    if reply.status is None:
        raise UserError(
            context.say("send.unreachable", url=reply.url, reason=reply.problem),
            exit_code=_BROKEN,
        )


def _find_exit_code(reply: "Reply") -> int:
    if reply.trouble is not None or reply.stream_problem is not None:
        return _BROKEN
    settled = reply.exchange.settlement
    return int(settled is None or settled.status >= 400 or settled.error is not None)
