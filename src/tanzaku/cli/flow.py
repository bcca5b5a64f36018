"""`tanzaku flow`: flows executed again from their logs, without sending."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import UserError
from tanzaku.look import Messages, format_ms

if TYPE_CHECKING:
    from tanzaku.workbench.flows import Replay, StepResult

_SHOWN_CHARS = 200


def build(messages: Messages) -> click.Command:
    """The group `flow` with its command `replay`."""
    say = messages.say
    group = SpokenGroup(messages, "flow", help=say("cli.flow.help"), no_args_is_help=True)
    group.add_command(
        click.Command(
            "replay",
            callback=click.pass_obj(replay_log),
            params=[
                click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False)),
                json_option(messages),
            ],
            help=say("cli.flow.replay.help"),
        )
    )
    return group


def replay_log(context: CliContext, *, file: Path, as_json: bool) -> None:
    """Make the decisions in the log again with the project's files as they are now. Ends with 1 when
    one of them is another."""
    found = _replay(file)
    if as_json:
        echo_json(_to_json(found))
    else:
        _show(context, found)
    if found.differences:
        raise SystemExit(1)


def _replay(file: Path) -> "Replay":
    from tanzaku.workbench.flows import FlowBegan, load_flow, parse_log, replay
    from tanzaku.workbench.project import load_environment, load_project

    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(
            "{file}: cannot be read: {reason}.", file=file, reason=error.strerror
        ) from None
    log = parse_log(data, str(file))
    project = load_project(file)
    began = log[0] if log else None
    if not isinstance(began, FlowBegan):
        raise UserError("The log does not begin with the flow's beginning.")
    flow = load_flow(project.root / "flows" / f"{began.flow}.flow.yaml", project)
    return replay(flow, log, load_environment(project, began.environment))


def _to_json(found: "Replay") -> dict[str, Any]:
    result = found.result
    return {
        "verdict": None if result is None else result.verdict,
        "steps": [_build_row(one) for one in result.walk()] if result else [],
        "differences": [asdict(one) for one in found.differences],
    }


def _build_row(step: "StepResult") -> dict[str, Any]:
    return {
        "step": step.step,
        "state": step.state,
        "duration_ms": (step.ended_at - step.began_at) * 1000,
        "requests": step.attempts,
        "problem": step.problem.message if step.problem else None,
    }


def _show(context: CliContext, found: "Replay") -> None:
    say = context.say
    if found.result is not None:
        columns = [say(f"flow.column.{name}") for name in ("step", "state", "time", "requests")]
        context.terminal.table(
            "",
            columns,
            [
                [
                    one.step,
                    one.state,
                    format_ms((one.ended_at - one.began_at) * 1000),
                    str(one.attempts),
                ]
                for one in found.result.walk()
            ],
            right=2,
        )
    for one in found.differences:
        values = {"what": one.what, "then": _shorten(one.then), "now": _shorten(one.now)}
        context.terminal.line(say("flow.difference", **values), "bad")
    is_same = not found.differences
    context.terminal.line(
        say("flow.same" if is_same else "flow.different"), "good" if is_same else "bad"
    )


def _shorten(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
