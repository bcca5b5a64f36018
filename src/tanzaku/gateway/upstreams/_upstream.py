"""One upstream at work: its keys, its breaker, and what it is sent."""

from dataclasses import replace
from typing import Any

from tanzaku.core import Clock
from tanzaku.gateway._headers import strip_private_headers
from tanzaku.gateway._retry import read_retry_after
from tanzaku.gateway.upstreams._breaker import Breaker
from tanzaku.gateway.upstreams._pool import KeyPool, PooledKey
from tanzaku.gateway.upstreams._settings import UpstreamSettings
from tanzaku.transport import Handler, HeaderList, HttpRequest, HttpResponse, TransportError
from tanzaku.wire import RETRY_AFTER, ApiError


class Upstream:
    """A `Handler` that sends to one upstream and learns from what comes back.

    A request passes with its bytes unchanged and without the client's credentials. Where every key
    rests the answer is the API's 429 with the seconds until one is ready.
    """

    def __init__(self, settings: UpstreamSettings, send: Handler, clock: Clock) -> None:
        self.settings = settings
        self.breaker = Breaker(settings.breaker)
        self.pool = KeyPool(settings.keys)
        self._send = send
        self._clock = clock

    @property
    def name(self) -> str:
        return self.settings.name

    def admits(self) -> bool:
        """Whether the breaker lets a request through now."""
        return self.breaker.admits(self._clock.monotonic())

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The upstream's answer. Raises TransportError as its handler does."""
        key: PooledKey | None = None
        if self.settings.kind == "simulator":
            pass  # in this process: it reads the client's headers itself
        elif self.pool.is_empty:
            request = replace(request, headers=_strip_own(request.headers))
        else:
            key = self.pool.take(self._clock.now())
            if key is None:
                return self._refuse()
            request = self._sign(request, key.value)
        self.breaker.begin(self._clock.monotonic())
        try:
            answer = await self._send(request)
        except TransportError:
            self.breaker.fail(self._clock.monotonic())
            raise
        self._learn(answer, key)
        return answer

    def describe(self) -> dict[str, Any]:
        """Its state, for people: no key stands in it."""
        now, at = self._clock.now(), self._clock.monotonic()
        state = self.breaker.state(at)
        described: dict[str, Any] = {
            "name": self.name,
            "kind": self.settings.kind,
            "url": self.settings.url,
            "live": self.settings.is_live,
            "breaker": state,
            "keys": len(self.settings.keys),
            "keys_ready": self.pool.count_ready(now),
        }
        if state == "open":
            described["open_for_s"] = round(self.breaker.open_until() - at, 3)
        return described

    def _sign(self, request: HttpRequest, key: str) -> HttpRequest:
        settings = self.settings
        own = {name for name, _ in settings.headers} | {b"accept-encoding"}
        headers = [line for line in strip_private_headers(request.headers) if line[0] not in own]
        if settings.auth == "bearer":
            headers.append((b"authorization", b"Bearer " + key.encode("ascii")))
        else:
            headers.append((b"x-api-key", key.encode("ascii")))
        # Unencoded, so that usage can be read as it passes.
        headers += [*settings.headers, (b"accept-encoding", b"identity")]
        return replace(request, headers=headers)

    def _learn(self, answer: HttpResponse, key: PooledKey | None) -> None:
        if answer.status >= 500:
            self.breaker.fail(self._clock.monotonic())
        else:
            self.breaker.succeed()
        if key is not None and answer.status in {401, 403, 429}:
            now = self._clock.now()
            self.pool.note(key, answer.status, read_retry_after(answer.headers, now), now)

    def _refuse(self) -> HttpResponse:
        wait_s = max(1, round(self.pool.rests_until() - self._clock.now() + 0.5))
        error = ApiError.rate_limit(
            f"Every key of the upstream {self.name} is resting.", retry_after_s=wait_s
        )
        headers = [(b"content-type", b"application/json"), (RETRY_AFTER, b"%d" % wait_s)]
        return HttpResponse(error.status, headers, error.body(""))


def _strip_own(headers: HeaderList) -> HeaderList:
    """`headers` without Tanzaku's labels and without a virtual key, which is nobody else's."""
    return [
        line
        for line in headers
        if not line[0].startswith(b"tanzaku-") and line[1].find(b"sk-tzk-") < 0
    ]
