"""What every command takes from outside: language, environment, the ledger's place."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, override

import click

from tanzaku.core import UserError
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

    def find_ledger(self, flag: Path | str | None) -> Path | str:
        """Where the ledger is: `--ledger`, else TANZAKU_LEDGER, else a file in the user's data
        folder."""
        if flag is not None:
            return flag
        if named := self.environment.get("TANZAKU_LEDGER"):
            return read_place(named)
        return self._default_ledger

    def find_ledger_file(self, flag: Path | str | None) -> Path:
        """The file beside which a server keeps what is no exchange (keys, the admin token). For a
        ledger in a database that is where one in a file would be."""
        place = self.find_ledger(flag)
        return place if isinstance(place, Path) else self._default_ledger

    @property
    def _default_ledger(self) -> Path:
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


def parse_variable(text: str) -> tuple[str, str]:
    """`NAME=VALUE`, as `--var` takes it."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UserError("A variable is written NAME=VALUE; found `{text}`.", text=text)
    return name, value


def read_place(text: str) -> Path | str:
    """A URL of PostgreSQL as it is, anything else as a file's path."""
    return text if text.startswith(("postgresql://", "postgres://")) else Path(text)


class _PlaceType(click.Path):
    """A file, or the URL of a PostgreSQL database."""

    @override
    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if isinstance(value, str) and isinstance(read_place(value), str):
            return value
        return super().convert(value, param, ctx)


def ledger_option(messages: Messages, help_key: str = "cli.ledger_option.help") -> click.Option:
    """`--ledger PATH`, the same for every command that reads or writes one."""
    return click.Option(
        ["--ledger"],
        type=_PlaceType(path_type=Path, dir_okay=False),
        help=messages.say(help_key),
    )


def json_option(messages: Messages) -> click.Option:
    """`--json`, the same for every command that prints figures."""
    return click.Option(["--json", "as_json"], is_flag=True, help=messages.say("cli.json.help"))
