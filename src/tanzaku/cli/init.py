"""`tanzaku init`: a small project that works, to begin with."""

from pathlib import Path

import click

from tanzaku.cli.context import CliContext
from tanzaku.look import Messages


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say
    folder = click.Argument(
        ["folder"],
        metavar="[DIR]",
        default=Path(),
        type=click.Path(path_type=Path, file_okay=False),
    )
    return click.Command(
        "init", callback=click.pass_obj(init), params=[folder], help=say("cli.init.help")
    )


def init(context: CliContext, *, folder: Path) -> None:
    """Write the project's files in the run's language; what is there already stays as it is."""
    from tanzaku.workbench.project import write_first_files

    terminal = context.terminal
    for name in write_first_files(folder, context.messages.language):
        terminal.line(f"  {name}", "faint")
    terminal.line(context.say("init.made", folder=folder.resolve()), "good")
    if folder != Path():
        terminal.line(f"  cd {folder}")
    for command in ("send requests/ask.yaml", "test", "fmt"):
        meaning = context.say(f"init.{command.partition(' ')[0]}")
        terminal.line(f"  tanzaku {command:<26}{meaning}")
