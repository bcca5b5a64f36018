"""`tanzaku export`: the Claude API as an OpenAPI document, and requests for other tools."""

from pathlib import Path

import click

from tanzaku.cli.context import CliContext
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import UserError
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
