"""Notices posted as JSON: bounded in time, tries and number, no redirect followed."""

import asyncio
import json
import logging
from collections import deque
from typing import Final

from tanzaku.core import Clock, end_tasks
from tanzaku.gateway.alerts._rules import WebhookSettings
from tanzaku.gateway.alerts._watch import Notice
from tanzaku.transport import (
    HttpClient,
    HttpRequest,
    Timeouts,
    TransportError,
    close_body,
    parse_origin,
)

MAX_WAITING: Final = 100
PAUSES_S: Final = (1.0, 5.0, 25.0)
_TIMEOUTS: Final = Timeouts(pool_s=10, connect_s=5, first_byte_s=10, idle_s=10)

_log = logging.getLogger("tanzaku.alerts")


class Webhook:
    """Posts notices one after the other. Of more than MAX_WAITING the oldest are left out.

    A notice is posted again after PAUSES_S where no answer came, or 429 or 5xx; any other answer
    but 2xx is final. What could not be delivered is logged, without the URL, which may be a secret.
    Belongs to one event loop.
    """

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._client = HttpClient(
            clock=clock,
            timeouts=_TIMEOUTS,
            max_connections=1,
            reach="private" if settings.allow_private else "public",
        )
        self._waiting: deque[Notice] = deque(maxlen=MAX_WAITING)
        self._has_work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def post(self, notice: Notice) -> None:
        """Let it be posted, without waiting."""
        if len(self._waiting) == MAX_WAITING:
            _log.error("an alert was not posted, too many wait: %s", self._waiting[0].text)
        self._waiting.append(notice)
        self._has_work.set()

    def open(self) -> None:
        """Post from now on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what was not posted is logged."""
        task, self._task = self._task, None
        await end_tasks(task)
        for notice in self._waiting:
            _log.error("an alert was not posted, the server stops: %s", notice.text)
        await self._client.close()

    async def _run(self) -> None:
        while True:
            await self._has_work.wait()
            while self._waiting:
                notice = self._waiting[0]
                trouble = await self._deliver(notice)
                if trouble:
                    _log.error("an alert was not posted, %s: %s", trouble, notice.text)
                # A full queue may have let go of it meanwhile.
                if self._waiting and self._waiting[0] is notice:
                    self._waiting.popleft()
            self._has_work.clear()

    async def _deliver(self, notice: Notice) -> str:
        """Why it did not arrive; empty when it did."""
        trouble = ""
        for pause_s in (0.0, *PAUSES_S):
            if pause_s:
                await self._clock.sleep(pause_s)
            try:
                status = await self._send(notice)
            except TransportError as error:
                trouble = f"{parse_origin(self._settings.origin).host_header} gave no answer ({type(error).__name__})"
                continue
            if 200 <= status < 300:
                return ""
            trouble = f"the answer was {status}"
            if status != 429 and status < 500:
                break
        return trouble

    async def _send(self, notice: Notice) -> int:
        headers = [(b"content-type", b"application/json"), (b"user-agent", b"tanzaku")]
        if self._settings.token is not None:
            headers.append((b"authorization", b"Bearer " + self._settings.token.encode()))
        body = json.dumps(notice.to_json(), ensure_ascii=False).encode()
        request = HttpRequest("POST", self._settings.target, headers, body)
        answer = await self._client.send(request, base_url=self._settings.origin)
        await close_body(answer.body)
        return answer.status
