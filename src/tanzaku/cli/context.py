"""What every command takes from outside: language, environment, the ledger's place."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tanzaku.look import Messages, Terminal, escape_controls


@dataclass(frozen=True, slots=True)
class CliContext:
    """Language and environment of one run. The environment is read here and nowhere else."""

    messages: Messages
    environment: Mapping[str, str]

    def say(self, key: str, /, **values: object) -> str:
        """A message in the run's language."""
        return self.messages.say(key, **values)

    @property
    def terminal(self) -> Terminal:
        """Standard output, styled."""
        return Terminal()

    @property
    def terminal_for_notes(self) -> Terminal:
        """Standard error, styled: what must not stand in the way of piped output."""
        return Terminal(to_stderr=True)

    def find_ledger(self, flag: Path | None) -> Path:
        """The ledger's file: `--ledger`, else TANZAKU_LEDGER, else the user's data folder."""
        if flag is not None:
            return flag
        if named := self.environment.get("TANZAKU_LEDGER"):
            return Path(named)
        data = self.environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
        return Path(data) / "tanzaku" / "ledger.db"


def echo_json(value: Any) -> None:
    """One JSON document on standard output; Decimals become strings.

    Chinese stays readable where the output can carry it; what could steer a terminal is escaped.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, default=str)
    click.echo(escape_controls(text))


def ledger_option(messages: Messages, help_key: str = "cli.ledger_option.help") -> click.Option:
    """`--ledger PATH`, the same for every command that reads or writes one."""
    return click.Option(
        ["--ledger"],
        type=click.Path(path_type=Path, dir_okay=False),
        help=messages.say(help_key),
    )


def json_option(messages: Messages) -> click.Option:
    """`--json`, the same for every command that prints figures."""
    return click.Option(["--json", "as_json"], is_flag=True, help=messages.say("cli.json.help"))
