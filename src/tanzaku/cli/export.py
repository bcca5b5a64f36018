"""`tanzaku export`: the Claude API as an OpenAPI document, and requests for other tools."""

from functools import partial
from pathlib import Path

import click

from tanzaku.cli.context import CliContext
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages


def build(messages: Messages) -> click.Command:
    """The group `export` with a command for each form."""
    say = messages.say
    group = SpokenGroup(messages, "export", help=say("cli.export.help"), no_args_is_help=True)
    group.add_command(
        click.Command(
            "openapi",
            callback=click.pass_obj(export_openapi),
            params=[
                click.Option(
                    ["--api-version"], metavar="DATE", help=say("cli.export.api_version.help")
                ),
                _out_option(messages),
            ],
            help=say("cli.export.openapi.help"),
        )
    )
    for form in ("curl", "http", "har", "pytest"):
        group.add_command(
            click.Command(
                form,
                callback=click.pass_obj(partial(export_requests, form=form)),
                params=[
                    click.Argument(
                        ["paths"],
                        metavar="PATH…",
                        nargs=-1,
                        required=True,
                        type=click.Path(path_type=Path, exists=True),
                    ),
                    click.Option(
                        ["--environment", "-e"],
                        metavar="NAME",
                        help=say("cli.export.environment.help"),
                    ),
                    click.Option(
                        ["--var", "variables"],
                        metavar="NAME=VALUE",
                        multiple=True,
                        help=say("cli.export.var.help"),
                    ),
                    _out_option(messages),
                ],
                help=say(f"cli.export.{form}.help"),
            )
        )
    return group


def export_openapi(context: CliContext, *, api_version: str | None, out: Path | None) -> None:
    """Write the document of the API that Tanzaku serves."""
    from tanzaku.wire import API_VERSIONS
    from tanzaku.workbench.openapi import build_own_document, render_openapi

    version = api_version or API_VERSIONS[-1]
    if version not in API_VERSIONS[1:]:
        raise UserError(
            "There is no document for the anthropic-version {version}.",
            hint="Known are {known}.",
            version=version,
            known=", ".join(API_VERSIONS[1:]),
        )
    _write(context, render_openapi(build_own_document(version)), out)


def export_requests(
    context: CliContext,
    *,
    form: str,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: tuple[str, ...],
    out: Path | None,
) -> None:
    """Write the requests of files and suites (for `har` those of an execution too)."""
    from tanzaku.cli.exported import collect_requests
    from tanzaku.workbench.openapi import (
        build_unsent_entry,
        render_curl,
        render_har,
        render_http,
        render_pytest,
    )

    if form == "har" and (log := _find_log(paths)):
        _write(context, _archive(log), out)
        return
    exported = collect_requests(context, paths, environment, variables)
    left = list(exported.left)
    match form:
        case "curl":
            text = render_curl(exported.requests, exported.secrets)
        case "http":
            text, unfit = render_http(exported.requests)
            left += [(name, "export.unfit") for name in unfit]
        case "pytest":
            text = render_pytest(exported.requests)
        case _:
            now = SystemClock().now()
            text = render_har([build_unsent_entry(one, now) for one in exported.requests])
    _write(context, text, out)
    for name, reason in left:
        context.terminal_for_notes.line(
            context.say("export.left", name=name, reason=context.say(reason)), "warn"
        )


def _find_log(paths: tuple[Path, ...]) -> Path | None:
    """The log of an execution, named by its folder or itself."""
    inside = paths[0] / "events.jsonl" if paths[0].is_dir() else paths[0]
    return inside if inside.suffix == ".jsonl" and inside.is_file() else None


def _archive(log: Path) -> str:
    from tanzaku.workbench.openapi import build_entry, render_har
    from tanzaku.workbench.runner import ReplyCame, read_events

    came = [event for event in read_events(log) if isinstance(event, ReplyCame)]
    return render_har(
        [build_entry(f"{event.case} {event.step}".strip(), event.reply.exchange) for event in came]
    )


def _out_option(messages: Messages) -> click.Option:
    return click.Option(
        ["--out", "-o"],
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help=messages.say("cli.export.out.help"),
    )


def _write(context: CliContext, text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    from tanzaku.workbench.project import write_text

    write_text(out, text)
    context.terminal_for_notes.line(context.say("export.written", file=out))
