"""`tanzaku keys`: the virtual keys of a running gateway."""

import json
from pathlib import Path
from typing import Any

import click

from tanzaku.cli.admin import ask_admin, quote_id, url_option
from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import UserError, format_rfc3339
from tanzaku.look import Messages

_PATH = "/_tanzaku/keys"
_TEXTS = ("name", "owner", "team")
_LISTS = ("tags", "models", "paths", "ips")
_FIELDS = (*_TEXTS, *_LISTS, "max_tokens", "expires_at")
_COLUMNS = ("id", "name", "team", "key", "models", "used", "state")


def build(messages: Messages) -> click.Command:
    """The group `keys` with its commands."""
    say = messages.say
    group = SpokenGroup(messages, "keys", help=say("cli.keys.help"), no_args_is_help=True)
    key_id = click.Argument(["key_id"], metavar="ID")
    limits = [
        click.Option(["--name"], help=say("cli.keys.name.help")),
        click.Option(["--owner"], help=say("cli.keys.owner.help")),
        click.Option(["--team"], help=say("cli.keys.team.help")),
        click.Option(["--tag", "tags"], multiple=True, help=say("cli.keys.tag.help")),
        click.Option(["--model", "models"], multiple=True, help=say("cli.keys.model.help")),
        click.Option(["--path", "paths"], multiple=True, help=say("cli.keys.path.help")),
        click.Option(["--ip", "ips"], multiple=True, help=say("cli.keys.ip.help")),
        click.Option(
            ["--max-tokens"], type=click.IntRange(0), help=say("cli.keys.max_tokens.help")
        ),
        click.Option(
            ["--days", "days"],
            type=click.FloatRange(0, min_open=True),
            help=say("cli.keys.days.help"),
        ),
    ]
    clear = click.Option(
        ["--clear"], multiple=True, type=click.Choice(_FIELDS), help=say("cli.keys.clear.help")
    )
    shared = [url_option(messages), ledger_option(messages), json_option(messages)]
    grace = click.Option(
        ["--grace", "grace_s"],
        metavar="SECONDS",
        type=click.FloatRange(0, 30 * 86_400),
        default=3600.0,
        show_default=True,
        help=say("cli.keys.grace.help"),
    )
    for name, callback, params in (
        ("create", create, limits),
        ("list", list_keys, []),
        ("show", show, [key_id]),
        ("change", change, [key_id, *limits, clear]),
        ("rotate", rotate, [key_id, grace]),
        ("revoke", revoke, [key_id]),
    ):
        group.add_command(
            click.Command(
                name,
                callback=click.pass_obj(callback),
                params=[*params, *shared],
                help=say(f"cli.keys.{name}.help"),
            )
        )
    return group


def create(
    context: CliContext, *, url: str, ledger: Path | str | None, as_json: bool, **limits: Any
) -> None:
    """Print the new key, this once."""
    made = ask_admin(context, url, ledger, "POST", _PATH, _read_limits(limits))
    _show_key(context, made, as_json=as_json)


def list_keys(context: CliContext, *, url: str, ledger: Path | str | None, as_json: bool) -> None:
    """Print all keys, without the keys themselves."""
    keys = ask_admin(context, url, ledger, "GET", _PATH)["keys"]
    if as_json:
        echo_json(keys)
        return
    say = context.say
    if not keys:
        context.terminal.line(say("keys.none"))
        return
    context.terminal.table(
        say("keys.title"),
        [say(f"keys.{column}") for column in _COLUMNS],
        [
            (
                key["id"],
                key["name"],
                key["team"],
                key["shown"],
                ", ".join(key["models"]) or "*",
                _format_time(key["last_used_at"]),
                say(f"keys.{key['status']}"),
            )
            for key in keys
        ],
        right=0,
    )


def show(
    context: CliContext, *, key_id: str, url: str, ledger: Path | str | None, as_json: bool
) -> None:
    """Print all that is kept of one key."""
    _print_record(context, ask_admin(context, url, ledger, "GET", _at(key_id)), as_json=as_json)


def change(
    context: CliContext,
    *,
    key_id: str,
    url: str,
    ledger: Path | str | None,
    as_json: bool,
    clear: tuple[str, ...],
    **limits: Any,
) -> None:
    """Set what was named, leave the rest."""
    changes = _read_limits(limits)
    for name in clear:
        if name in changes:
            raise UserError(
                "`--clear {name}` stands beside a new value.",
                hint="Leave one of the two out.",
                name=name,
            )
        changes[name] = [] if name in _LISTS else "" if name in _TEXTS else None
    if not changes:
        raise UserError("Nothing to change was named.", hint="See `tanzaku keys change --help`.")
    record = ask_admin(context, url, ledger, "PATCH", _at(key_id), changes)
    _print_record(context, record, as_json=as_json)


def rotate(
    context: CliContext,
    *,
    key_id: str,
    grace_s: float,
    url: str,
    ledger: Path | str | None,
    as_json: bool,
) -> None:
    """Print the key that takes the place of the one before."""
    path = f"{_at(key_id)}/rotate"
    made = ask_admin(context, url, ledger, "POST", path, {"grace_s": grace_s})
    _show_key(context, made, as_json=as_json)


def revoke(
    context: CliContext, *, key_id: str, url: str, ledger: Path | str | None, as_json: bool
) -> None:
    """Refuse the key from now on."""
    record = ask_admin(context, url, ledger, "POST", f"{_at(key_id)}/revoke", {})
    _print_record(context, record, as_json=as_json)


def _at(key_id: str) -> str:
    return f"{_PATH}/{quote_id(key_id)}"


def _read_limits(limits: dict[str, Any]) -> dict[str, Any]:
    """What was given, as the server wants it; `days` becomes the time it expires at."""
    from tanzaku.core import SystemClock

    days = limits.pop("days")
    told = {
        name: list(value) if name in _LISTS else value
        for name, value in limits.items()
        if value not in (None, ())
    }
    if days is not None:
        told["expires_at"] = SystemClock().now() + days * 86_400
    return told


def _show_key(context: CliContext, made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        echo_json(made)
        return
    context.terminal.line(made["key"], "strong")
    context.terminal.line(context.say("keys.once", id=made["id"]), "warn")


def _print_record(context: CliContext, record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        echo_json(record)
        return
    changes = record.pop("changes", ())
    for name, value in record.items():
        if name.endswith(("_at", "_until")):
            value = _format_time(value)
        text = ", ".join(value) if isinstance(value, list) else value
        context.terminal.line(f"{name:<12} {'-' if text in (None, '') else text}")
    for change in changes:
        told = json.dumps(change["changes"], ensure_ascii=False) if change["changes"] else ""
        line = context.say(
            "keys.change",
            at=_format_time(change["at"]),
            what=change["what"],
            by=change["by"] or "-",
        )
        context.terminal.line(f"{line}  {told}".rstrip(), "faint")


def _format_time(unix_seconds: float | None) -> str:
    return "-" if unix_seconds is None else format_rfc3339(unix_seconds)
