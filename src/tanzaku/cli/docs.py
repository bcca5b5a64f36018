"""`tanzaku docs`: an API's documentation, from its OpenAPI document and what was recorded."""

from pathlib import Path

import click

from tanzaku.cli.context import CliContext
from tanzaku.cli.usage import SpokenGroup
from tanzaku.look import Messages


def build(messages: Messages) -> click.Command:
    """The group `docs`."""
    say = messages.say
    group = SpokenGroup(messages, "docs", help=say("cli.docs.help"), no_args_is_help=True)
    file = click.Path(path_type=Path, dir_okay=False, exists=True)
    out = click.Path(path_type=Path, file_okay=False)
    group.add_command(
        click.Command(
            "build",
            callback=click.pass_obj(build_docs),
            params=[
                click.Argument(["document"], required=False, type=file),
                click.Option(
                    ["--out", "-o"],
                    type=out,
                    required=True,
                    metavar="DIR",
                    help=say("cli.docs.out.help"),
                ),
                click.Option(
                    ["--recording"], metavar="EXECUTION", help=say("cli.docs.recording.help")
                ),
            ],
            help=say("cli.docs.build.help"),
        )
    )
    return group


def build_docs(
    context: CliContext, *, document: Path | None, out: Path, recording: str | None
) -> None:
    """Write the site. Examples come of the project's request files for the document, if there is
    a project here."""
    from tanzaku.workbench.docs import build_site, load_material, write_site

    material = load_material(Path(), document, recording, context.environment)
    files = build_site(material, context.messages.language)
    write_site(files, out)
    pages = sum(name.endswith(".html") for name in files)
    context.terminal.line(context.say("docs.written", pages=pages, folder=out), "good")
    if not material.examples:
        context.terminal.line(context.say("docs.without_examples"), "faint")
    if not material.execution:
        context.terminal.line(context.say("docs.without_recording"), "faint")
