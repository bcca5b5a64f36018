"""`tanzaku doctor`: what this machine has, what is wrong, and what to do about it."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.serve import KEY_VARIABLE
from tanzaku.core import SystemClock, UserError, format_rfc3339
from tanzaku.look import Messages, Tone

type Verdict = Literal["good", "warn", "bad"]

KEY_SHAPE = re.compile(r"sk-ant-[A-Za-z0-9_-]{20,}")
BUILD_TIME = 1_763_856_000.0  # 2025-11-23; a clock before it is wrong


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: what was looked at, what was found, what to do (may be empty)."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say
    return click.Command(
        "doctor",
        callback=click.pass_obj(examine),
        params=[
            click.Option(["--live"], is_flag=True, help=say("cli.doctor.live.help")),
            click.Option(
                ["--port"],
                type=click.IntRange(1, 65535),
                default=4141,
                show_default=True,
                help=say("cli.doctor.port.help"),
            ),
            ledger_option(messages),
            json_option(messages),
        ],
        help=say("cli.doctor.help"),
    )


def examine(
    context: CliContext, *, live: bool, port: int, ledger: Path | str | None, as_json: bool
) -> None:
    """Print one line a check; exit 1 when one is bad."""
    checks = list(_run_checks(context, live=live, port=port, ledger=ledger))
    if as_json:
        echo_json(
            [
                {"check": c.name, "verdict": c.verdict, "found": c.found, "advice": c.advice}
                for c in checks
            ]
        )
    else:
        marks: dict[Verdict, str] = {"good": "✓", "warn": "!", "bad": "✗"}
        for check in checks:
            tone: Tone = check.verdict
            label = context.say(f"doctor.{check.name}")
            line = context.say("doctor.line", label=label, found=check.found)
            context.terminal.line(f"{marks[check.verdict]} {line}", tone)
            if check.advice:
                context.terminal.line(f"  → {check.advice}")
    if any(check.verdict == "bad" for check in checks):
        sys.exit(1)


def _run_checks(
    context: CliContext, *, live: bool, port: int, ledger: Path | str | None
) -> Iterator[Check]:
    yield _check_interpreter()
    yield _check_sqlite(context)
    yield _check_sdk(context)
    key = context.environment.get(KEY_VARIABLE)
    yield _check_key(context, key, live=live)
    yield _check_port(context, port)
    yield _check_ledger(context, context.find_ledger(ledger))
    yield _check_clock(context)
    if live and key:
        yield _check_live(context, key)


def _check_interpreter() -> Check:
    return Check("interpreter", "good", f"Python {sys.version.split()[0]}")


def _check_sqlite(context: CliContext) -> Check:
    from tanzaku.ledger import sqlite_verdict

    verdict = sqlite_verdict()
    if verdict.is_sound:
        return Check("sqlite", "good", verdict.version)
    return Check("sqlite", "bad", verdict.version, context.say("doctor.sqlite.unsound"))


def _check_sdk(context: CliContext) -> Check:
    try:
        return Check("sdk", "good", f"anthropic {version('anthropic')}")
    except PackageNotFoundError:
        return Check("sdk", "warn", context.say("doctor.missing"), "pip install anthropic")


def _check_key(context: CliContext, key: str | None, *, live: bool) -> Check:
    if not key:
        advice = context.say("doctor.key.set", variable=KEY_VARIABLE) if live else ""
        found = context.say("doctor.key.absent")
        return Check("key", "bad" if live else "good", found, advice)
    if KEY_SHAPE.fullmatch(key):
        return Check("key", "good", context.say("doctor.key.present"))
    return Check("key", "warn", context.say("doctor.key.odd"), context.say("doctor.key.odd.advice"))


def _check_port(context: CliContext, port: int) -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            found = context.say("doctor.port.taken", port=port)
            return Check("port", "warn", found, context.say("doctor.port.advice"))
    return Check("port", "good", context.say("doctor.port.free", port=port))


def _check_ledger(context: CliContext, path: Path | str) -> Check:
    from tanzaku.ledger import Ledger

    advice = context.say("doctor.ledger.advice")
    translate = context.messages.translate
    try:
        if isinstance(path, str):
            with Ledger.read(path) as reader:
                return Check("ledger", "good", reader.name)
        if path.exists():
            Ledger.read(path).close()
            os.close(os.open(path, os.O_RDWR))
        else:
            place = next(folder for folder in path.absolute().parents if folder.exists())
            TemporaryFile(dir=place).close()
    except UserError as error:
        hint = translate(error.hint_template, error.values) or advice
        return Check("ledger", "bad", translate(error.template, error.values), hint)
    except OSError as error:
        found = context.say("doctor.ledger.read_only", path=path, reason=error.strerror)
        return Check("ledger", "bad", found, advice)
    return Check("ledger", "good", str(path))


def _check_clock(context: CliContext) -> Check:
    now = SystemClock().now()
    if now < BUILD_TIME:
        return Check("clock", "bad", format_rfc3339(now), context.say("doctor.clock.advice"))
    return Check("clock", "good", format_rfc3339(now))


def _check_live(context: CliContext, key: str) -> Check:
    import anthropic

    try:
        with anthropic.Anthropic(api_key=key, max_retries=0, timeout=20) as client:
            message = client.messages.create(
                model="claude-haiku-4-5",
                max_tokens=1,
                messages=[{"role": "user", "content": "ping"}],
            )
    except anthropic.APIStatusError as error:
        return Check("live", "bad", f"{error.status_code} {error.type}", str(error.message))
    except anthropic.APIConnectionError as error:
        return Check("live", "bad", str(error), context.say("doctor.live.advice"))
    return Check("live", "good", message.model)
