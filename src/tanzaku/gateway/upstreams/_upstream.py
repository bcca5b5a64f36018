"""One upstream at work: its keys, its breaker, its health, and what it is sent."""

import logging
import math
from functools import partial
from typing import Any, Final, Literal

from tanzaku.core import Clock, derive_id
from tanzaku.gateway._answer import build_refusal
from tanzaku.gateway._headers import strip_private_headers
from tanzaku.gateway._retry import read_retry_after
from tanzaku.gateway.upstreams._breaker import Breaker
from tanzaku.gateway.upstreams._health import Health
from tanzaku.gateway.upstreams._pool import KeyPool, PooledKey
from tanzaku.gateway.upstreams._settings import UpstreamSettings
from tanzaku.transport import (
    Handler,
    HeaderList,
    HttpRequest,
    HttpResponse,
    RequestRefusedError,
    TransportError,
    close_body,
    read_all,
)
from tanzaku.wire import ANTHROPIC_VERSION, VERSION_2023_06_01, ApiError

type Bar = Literal["breaker", "probe", "keys"]
"""What stands against asking an upstream: its failures, its probes, or the rest of all its keys."""

_LOG = logging.getLogger(__name__)
_REFUSED: Final = frozenset({401, 403})
_NEXT_KEY: Final = _REFUSED | {429}
_PROBE: Final = "/v1/models?limit=1"
# What the oldest relays know too.
_PROBE_VERSION: Final = VERSION_2023_06_01.encode()


class Upstream:
    """A `Handler` that sends to one upstream and learns from what comes back.

    A request passes with its bytes unchanged and without the client's credentials. A key that is
    answered 401, 403 or 429 gives way to the next one at once; the last answer is passed on. Where
    every key rests the answer is the API's 429 with the seconds until one is ready.
    """

    def __init__(self, settings: UpstreamSettings, send: Handler, clock: Clock) -> None:
        self.settings = settings
        self.health = Health()
        self._breaker = Breaker(settings.breaker)
        self._pool = KeyPool(settings.keys)
        # Unencoded, so that usage can be read as it passes.
        self._own = [*settings.headers, (b"accept-encoding", b"identity")]
        self._replaced = frozenset(name for name, _ in self._own)
        if settings.keys:
            self._replaced |= {settings.auth.encode()}
        self._send = send
        self._clock = clock

    @property
    def name(self) -> str:
        return self.settings.name

    def bind(self, group: str) -> Handler:
        """The upstream for calls of one `group`: what has a rate limit of its own there."""
        return partial(self._carry, group)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The upstream's answer. Raises TransportError as its handler does."""
        return await self._carry("", request)

    def find_bar(self, group: str) -> Bar | None:
        """What stands against a call of `group` now, None for nothing."""
        if not self._breaker.admits(self._clock.monotonic()):
            return "breaker"
        if self.health.is_down:
            return "probe"
        if len(self._pool) > 1 and self._pool.find_wait(group, self._clock.now()) > 0:
            return "keys"
        return None

    def find_wait(self, group: str) -> float:
        """Seconds until what stands against a call of `group` may be gone."""
        if self.health.is_down:
            return self.settings.probe_s or 0.0
        breaker_s = self._breaker.find_wait(self._clock.monotonic())
        return max(breaker_s, self._pool.find_wait(group, self._clock.now()), 0.0)

    async def probe(self) -> bool:
        """Whether the upstream answers at all: it is asked for its models, which costs nothing."""
        request = HttpRequest("GET", _PROBE, [(ANTHROPIC_VERSION, _PROBE_VERSION)], b"")
        key = self._pool.take("", self._clock.now())
        try:
            answer = await self._send(self._prepare(request, key))
            await read_all(answer)
        except TransportError as error:
            _LOG.info("upstream %s: probe failed: %s", self.name, error)
            return False
        return answer.status < 500

    def describe(self) -> dict[str, Any]:
        """Its state, for people: no key stands in it."""
        now, at = self._clock.now(), self._clock.monotonic()
        state = self._breaker.state(at)
        described: dict[str, Any] = {
            "name": self.name,
            "kind": self.settings.kind,
            "url": self.settings.url,
            "live": self.settings.is_live,
            "breaker": state,
            "keys": len(self._pool),
            "keys_ready": self._pool.count_ready(now),
        }
        if state == "open":
            described["open_for_s"] = round(self._breaker.find_wait(at), 3)
        if self.settings.probe_s is not None:
            described["probe"] = "down" if self.health.is_down else "well"
        return described

    async def _carry(self, group: str, request: HttpRequest) -> HttpResponse:
        if not len(self._pool):
            return await self._watch(self._prepare(request, None))
        refused: list[PooledKey] = []
        tried: list[PooledKey] = []
        key = self._pool.take(group, self._clock.now())
        if key is None:
            return self._refuse(group)
        while True:
            answer = await self._watch(self._prepare(request, key))
            now = self._clock.now()
            if answer.status not in _NEXT_KEY:
                break
            tried.append(key)
            if answer.status == 429:
                self._pool.limit(key, group, read_retry_after(answer.headers, now), now)
            else:
                refused.append(key)
            # What is passed on while it comes in cannot be sent twice.
            spare = self._pool.take(group, now, tried) if request.upload is None else None
            if spare is None:
                break
            await close_body(answer.body)
            key = spare
        if answer.status not in _REFUSED and answer.status < 500:
            for one in refused:
                _LOG.warning("upstream %s: key %d is refused", self.name, one.number)
                self._pool.set_aside(one, now)
        return answer

    async def _watch(self, request: HttpRequest) -> HttpResponse:
        """The answer, from which the breaker learns."""
        is_trial = self._breaker.begin(self._clock.monotonic())
        failed: bool | None = None
        try:
            answer = await self._send(request)
            failed = answer.status >= 500
        except RequestRefusedError:
            raise  # never sent: no fault of the upstream
        except TransportError:
            failed = True
            raise
        finally:
            self._breaker.end(self._clock.monotonic(), failed=failed, is_trial=is_trial)
        return answer

    def _prepare(self, request: HttpRequest, key: PooledKey | None) -> HttpRequest:
        """The request as this upstream gets it."""
        settings = self.settings
        if settings.is_inside:
            return request  # it reads the client's headers itself
        if key is None and settings.kind == "anthropic":
            headers = _strip_own(request.headers)  # on this machine: the client's own may serve
        else:
            headers = strip_private_headers(request.headers)
        headers = [line for line in headers if line[0] not in self._replaced]
        if key is not None and settings.auth == "bearer":
            headers.append((b"authorization", b"Bearer " + key.value.encode("ascii")))
        elif key is not None:
            headers.append((settings.auth.encode(), key.value.encode("ascii")))
        headers += self._own
        return HttpRequest(
            request.method, request.target, headers, request.body, request.peer, request.upload
        )

    def _refuse(self, group: str) -> HttpResponse:
        wait_s = max(1, math.ceil(self._pool.find_wait(group, self._clock.now())))
        error = ApiError.rate_limit(
            f"Every key of the upstream {self.name} is resting.", retry_after_s=wait_s
        )
        return build_refusal(error, derive_id("req", self.name, str(self._clock.monotonic())))


def _strip_own(headers: HeaderList) -> HeaderList:
    """`headers` without Tanzaku's labels and without a virtual key, which is nobody else's."""
    return [
        line
        for line in headers
        if not line[0].startswith(b"tanzaku-") and line[1].find(b"sk-tzk-") < 0
    ]
