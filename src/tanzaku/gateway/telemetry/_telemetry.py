"""What a configuration's `telemetry` asks for, at work: lines and spans."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tanzaku.core import Clock, UserError
from tanzaku.exchange import Exchange
from tanzaku.gateway.telemetry._aside import Aside, Work
from tanzaku.gateway.telemetry._line import LineWriter
from tanzaku.gateway.telemetry._settings import SpanSettings, TelemetrySettings

if TYPE_CHECKING:
    from tanzaku.gateway.telemetry._spans import SpanWriter


class Telemetry:
    """Writes each settled exchange as a line and as a span, where that is asked for.

    `kinds` has the kind of each upstream by name. `observer` is None where nothing is asked for.
    Raises UserError for a log file that cannot be written, or spans without their package.
    """

    def __init__(
        self, settings: TelemetrySettings, clock: Clock, kinds: Mapping[str, str] | None = None
    ) -> None:
        self._resources = ExitStack()
        works: list[Work] = []
        if settings.json_log:
            works.append(LineWriter(self._open_log(settings.log_file)).write)
        if settings.spans is not None:
            spans = _load_spans(settings.spans, kinds or {})
            self._resources.callback(spans.close)
            works.append(spans.write)
        self._asides = [Aside(work, clock) for work in works]

    @property
    def observer(self) -> Callable[[Exchange], None] | None:
        """What the gateway calls with every settled exchange."""
        if len(self._asides) < 2:
            return self._asides[0].observe if self._asides else None
        first, second = self._asides

        def observe(exchange: Exchange) -> None:
            first.observe(exchange)
            second.observe(exchange)

        return observe

    def open(self) -> None:
        """Begin to write; needs the running loop."""
        for aside in self._asides:
            aside.open()

    async def close(self) -> None:
        """Write what waits and send the last spans."""
        for aside in self._asides:
            await aside.close()
        await asyncio.to_thread(self._resources.close)

    @property
    def dropped(self) -> int:
        """How many exchanges were left out because lines or spans were not taken fast enough."""
        return sum(aside.dropped for aside in self._asides)

    def _open_log(self, path: Path | None) -> TextIO:
        if path is None:
            return sys.stderr
        try:
            return self._resources.enter_context(path.open("a", encoding="ascii"))
        except OSError as error:
            raise UserError(
                "The log file {path} cannot be written: {reason}",
                path=path,
                reason=error.strerror or error,
            ) from error


def _load_spans(settings: SpanSettings, kinds: Mapping[str, str]) -> "SpanWriter":
    try:
        module = import_module("tanzaku.gateway.telemetry._spans")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise UserError(
            "`telemetry.spans` needs the package opentelemetry.",
            hint="pip install 'tanzaku[telemetry]'",
        ) from error
    writer: SpanWriter = module.SpanWriter(settings, kinds)
    return writer
