"""The official SDK against a server that holds nothing but a quota."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from anthropic import (
    Anthropic,
    APIStatusError,
    BadRequestError,
    OverloadedError,
    RateLimitError,
)
from anthropic.types.shared import EnforcedSpendLimitReachedError, RampLimitExceededError

from tanzaku.catalog import get_model
from tanzaku.core import SystemClock, VirtualClock
from tanzaku.simulator.quota import Quota, Refusal
from tanzaku.transport import HttpRequest, HttpResponse, ThreadedServer, get_header, serve
from unit.simulator.quota.conftest import OpenQuota

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 8, "output_tokens": 3},
}
QUESTION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 20_000,
    "messages": [{"role": "user", "content": "Really?"}],
}


class Server:
    """Answers `MESSAGE` to what the quota lets in. Its clock jumps by the time that a client was
    told to wait when that client comes again; `arrived_s` are the real times of arrival."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.clock = VirtualClock()
        self.wall = SystemClock()
        self.told_to_wait_s = 0
        self.arrived_s: list[float] = []
        self.ids = (f"req_{number}" for number in itertools.count())

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.arrived_s.append(self.wall.monotonic())
        if get_header(request.headers, b"x-stainless-retry-count") != b"0":
            self.clock.advance(self.told_to_wait_s)
        now = self.clock.now()
        model = get_model(json.loads(request.body)["model"])
        admission = self.quota.admit(now, model, MESSAGE["usage"]["input_tokens"])
        headers = [(b"content-type", b"application/json")]
        if isinstance(admission, Refusal):
            self.told_to_wait_s = admission.retry_after_s or 0
            error = admission.to_error()
            return HttpResponse(
                error.status, [*headers, *error.headers], error.body(next(self.ids))
            )
        admission.finish(now, MESSAGE["usage"]["output_tokens"])
        return HttpResponse(200, [*headers, *admission.headers(now)], json.dumps(MESSAGE).encode())


type Connect = Callable[..., tuple[Anthropic, Server]]


@pytest.fixture
def connect(open_quota: OpenQuota) -> Iterator[Connect]:
    """A client of a server with these limits."""
    stack = ExitStack()

    def open_one(limits: Any, **options: Any) -> tuple[Anthropic, Server]:
        handler = Server(open_quota(limits))
        server = ThreadedServer(lambda: serve(handler, max_body_bytes=1 << 20))
        url = stack.enter_context(server).url
        client = Anthropic(base_url=url, api_key="k", **options)
        return stack.enter_context(client), handler

    with stack:
        yield open_one


@pytest.mark.fidelity(
    "rate limits",
    "the SDK waits for retry-after and then gets its answer",
    "exact",
    "SDK 2.12 `_base_client.py`",
)
def test_the_sdk_comes_again_after_retry_after_and_is_let_in(connect: Connect) -> None:
    client, server = connect({"each_model": {"requests": 60}, "burst_s": 1})
    for _ in range(2):
        assert client.messages.create(**QUESTION).content[0].text == "Yes."
    _, refused, again = server.arrived_s
    assert again - refused >= server.told_to_wait_s == 1


def test_the_sdk_shows_the_limit_headers(connect: Connect) -> None:
    client, _ = connect("start")
    answer = client.messages.with_raw_response.create(**QUESTION)
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "999"
    # max_tokens plays no part.
    assert answer.headers["anthropic-ratelimit-output-tokens-remaining"] == "400000"
    assert answer.headers["anthropic-ratelimit-input-tokens-limit"] == "2000000"


@pytest.mark.parametrize(
    ("limits", "kind", "wait"),
    [
        ({"each_model": {"input_tokens": 7}}, RateLimitError, "60"),
        (
            {"each_model": {"input_tokens": 700}, "ramp": {"start": 0.01}},
            RampLimitExceededError,
            "60",
        ),
        ({"tier": "build", "spent_usd": 1_000}, EnforcedSpendLimitReachedError, None),
        ({"spend_limit_usd": 0}, BadRequestError, None),
        ({"overload": {"above": 0}}, OverloadedError, None),
    ],
    ids=["limit", "ramp", "spend cap", "own spend limit", "overload"],
)
def test_each_refusal_is_the_exception_that_the_sdk_has_for_it(
    connect: Connect, limits: Any, kind: type[APIStatusError], wait: str | None
) -> None:
    client, _ = connect(limits, max_retries=0)
    with pytest.raises(APIStatusError) as caught:
        client.messages.create(**QUESTION)
    assert type(caught.value) is kind
    assert caught.value.response.headers.get("retry-after") == wait
