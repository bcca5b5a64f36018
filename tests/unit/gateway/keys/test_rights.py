"""What a key may do, and what it may not however the request is written."""

import json
from typing import Any

import pytest

from harness.keyed import MESSAGE, Keyed, play
from tanzaku.gateway._stages import Caller

BATCHES = "/v1/messages/batches"


def build_batch(*calls: dict[str, Any]) -> dict[str, Any]:
    return {
        "requests": [
            {"custom_id": f"c{at}", "params": MESSAGE | call} for at, call in enumerate(calls)
        ]
    }


def enter(limits: dict[str, Any], *words: Any, after_s: float = 0.0, **more: Any) -> Any:
    """What the door says to a key with these limits: a Caller, or status, type and message."""
    said: list[Any] = []

    async def scene(it: Keyed) -> None:
        _, key = await it.ring.create(limits)
        it.clock.advance(after_s)
        said.append(await it.enter(key, *words, **more))

    play(scene)
    return said[0]


REFUSALS = {(403, "permission_error"), (400, "invalid_request_error")}


def is_let_in(limits: dict[str, Any], *words: Any, **more: Any) -> bool:
    said = enter(limits, *words, **more)
    assert isinstance(said, Caller) or said[:2] in REFUSALS
    return isinstance(said, Caller)


@pytest.mark.parametrize(
    ("target", "method"),
    [
        ("/v1/messages", "POST"),
        ("/v1/messages?beta=true", "POST"),
        ("/v1/messages/count_tokens", "POST"),
        ("/v1/models", "GET"),
        ("/v1/models?limit=1", "GET"),
        ("/v1/models/claude-haiku-4-5", "GET"),
    ],
)
def test_a_key_without_paths_may_use_the_messages_family(target: str, method: str) -> None:
    assert is_let_in({}, target, method=method)


CROOKED = [
    "/v1/models/../files", "/v1/models/%2e%2e/files", "/v1/models/.%2E/files", "/v1/models/./..",
    "/v1/models//files", "/v1/models/x%2f..%2ffiles", "/v1/models/..%5cfiles", "/v1/models/..\\files",
]  # fmt: skip


@pytest.mark.parametrize(
    "target",
    [
        BATCHES, "/v1/files", "/v1/messages/", "/v1/modelsx", "/v1/organizations/x", "/v1/complete",
        "/model/claude/invoke", "/anthropic/v1/messages", "/V1/messages", "/v1/messages%2Fbatches",
        *CROOKED,
    ],
)  # fmt: skip
def test_a_key_without_paths_may_use_nothing_else(target: str) -> None:
    assert not is_let_in({}, target)


def test_a_key_with_paths_may_use_those_and_no_others() -> None:
    limits = {"paths": ["/v1/files*", BATCHES]}
    assert is_let_in(limits, "/v1/files/file_1/content", method="GET")
    assert is_let_in(limits, BATCHES)
    assert not is_let_in(limits, f"{BATCHES}/x", method="GET")
    assert not is_let_in(limits)
    assert not is_let_in({"paths": ["/v1/*"]}, "/v1/x/../../_tanzaku/keys", method="GET")


@pytest.mark.parametrize(
    ("model", "is_good"),
    [
        ("claude-haiku-4-5", True),
        ("claude-haiku-4-5-20251001", True),
        ("claude-sonnet-4-5", True),
        ("claude-sonnet-4-5-20250929", False),
        ("claude-opus-4-1", False),
        ("CLAUDE-HAIKU-4-5", False),
        ("xclaude-haiku-4-5", False),
        ("", False),
        (None, False),
        (["claude-haiku-4-5"], False),
        ({"id": "claude-haiku-4-5"}, False),
    ],
)
def test_a_key_with_models_may_use_those_alone(model: Any, is_good: bool) -> None:
    limits = {"models": ["claude-haiku-4-*", "claude-sonnet-4-5"]}
    assert is_let_in(limits, "/v1/messages", MESSAGE | {"model": model}) is is_good
    assert is_let_in(limits, "/v1/messages/count_tokens", MESSAGE | {"model": model}) is is_good


@pytest.mark.parametrize("model", ["claude-opus-4-1", None, 3])
def test_one_call_of_a_batch_that_may_not_be_refuses_it_all(model: Any) -> None:
    limits = {"models": ["claude-haiku-*"], "paths": [BATCHES]}
    assert is_let_in(limits, BATCHES, build_batch({}, {}))
    assert not is_let_in(limits, BATCHES, build_batch({}, {"model": model}))
    # Nor one at a path that an upstream may take for the same, with a good model for show.
    limits["paths"] = ["/*"]
    decoy = MESSAGE | build_batch({"model": model})
    for path in (f"{BATCHES}/", "/v1/messages/batche%73", "/anthropic/v1/messages/batches"):
        assert not is_let_in(limits, path, decoy)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b'{"requests": []}', b'{"requests": {}}', b'{"requests": [null]}',
        b'{"requests": [{"params": []}]}', json.dumps(MESSAGE).encode("utf-16"),
    ],
    ids=range(9),
)  # fmt: skip
@pytest.mark.parametrize("limit", [{"models": ["claude-*"]}, {"max_tokens": 10**9}])
def test_a_limited_key_may_not_ask_what_cannot_be_read(body: bytes, limit: dict[str, Any]) -> None:
    limits = limit | {"paths": ["/v1/*", "/anthropic/*"]}
    for target in ("/v1/messages", BATCHES, "/anthropic/v1/messages"):
        assert not is_let_in(limits, target, body)


@pytest.mark.requirement("L1")
@pytest.mark.parametrize(
    "twice",
    [
        '"model": "claude-opus-4-1", "model": "claude-haiku-4-5", "max_tokens": 5',
        '"model": "claude-opus-4-1", "mod\\u0065l": "claude-haiku-4-5", "max_tokens": 5',
        '"max_tokens": 9000, "model": "claude-haiku-4-5", "max_tokens": 5',
    ],
    ids=["model", "model-spelt-otherwise", "max_tokens"],
)
def test_a_limited_key_may_not_say_two_things_at_once(twice: str) -> None:
    limits = {"models": ["claude-haiku-*"], "max_tokens": 5, "paths": ["/*"]}
    body = f'{{{twice}, "messages": [{{"content": "the \\"model\\": and the \\"model\\":"}}]}}'
    for target in ("/v1/messages", "/anthropic/v1/messages"):
        assert not is_let_in(limits, target, body.encode())
    batch = f'{{"requests": [{{"custom_id": "a", "params": {body}}}]}}'
    assert not is_let_in(limits, BATCHES, batch.encode())


def test_a_limited_key_may_speak_of_a_model_twice() -> None:
    body = MESSAGE | {"system": 'the "model" and the \u00e9 "model"', "metadata": {"model": 1}}
    tools = [{"name": "t", "input_schema": {"properties": {"model": {}, "max_tokens": {}}}}]
    limits = {"models": ["claude-haiku-*"], "max_tokens": 100}
    assert is_let_in(limits, "/v1/messages", body | {"tools": tools})


def test_a_limited_key_may_not_hide_a_call_behind_a_content_type() -> None:
    limits = {"models": ["claude-haiku-*"], "paths": ["/v1/*", "/anthropic/*"]}
    for target in (BATCHES, "/anthropic/v1/messages"):
        batch = build_batch({"model": "claude-opus-4-1"})
        assert not is_let_in(limits, target, batch, content_type=b"text/plain")


def test_the_model_in_a_clouds_path_counts() -> None:
    limits = {"models": ["anthropic.claude-haiku-*"], "paths": ["/model/*"]}
    body = {"max_tokens": 5, "messages": [], "model": "anthropic.claude-haiku-4-5"}
    assert is_let_in(limits, "/model/anthropic.claude-haiku-4-5%3A0/invoke", body)
    assert not is_let_in(limits, "/model/anthropic.claude-opus-4-1/invoke", body)


def test_a_limited_key_may_still_do_what_names_no_model() -> None:
    limits = {"models": ["claude-haiku-*"], "max_tokens": 5, "paths": ["/v1/*"]}
    assert is_let_in(limits, "/v1/files", b"--x", content_type=b"multipart/form-data")
    assert is_let_in(limits, f"{BATCHES}/batch_1/cancel", b"")
    assert is_let_in(limits, f"{BATCHES}/batch_1", b"", method="GET")
    assert is_let_in(limits, "/v1/files/file_1", b"", method="DELETE")


@pytest.mark.parametrize(
    ("tokens", "is_good"),
    [
        (1, True), (64, True), (65, False), (10**4000, False), (-1, True), (64.0, False),
        ("64", False), (True, False), (None, False), ([1], False),
    ],
    ids=["1", "64", "65", "huge", "-1", "64.0", "text", "true", "null", "list"],
)  # fmt: skip
def test_a_cap_on_max_tokens_holds_for_each_call(tokens: Any, is_good: bool) -> None:
    limits = {"max_tokens": 64, "paths": ["/v1/messages*"]}
    assert is_let_in(limits, "/v1/messages", MESSAGE | {"max_tokens": tokens}) is is_good
    assert is_let_in(limits, BATCHES, build_batch({"max_tokens": tokens})) is is_good
    assert is_let_in(limits, "/v1/messages/count_tokens", MESSAGE | {"max_tokens": tokens})


@pytest.mark.parametrize(
    ("peer", "is_good"),
    [
        ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("192.0.2.7", True), ("2001:db8::1", True),
        ("11.0.0.1", False), ("192.0.2.8", False), ("2001:db9::1", False), ("", False),
        ("10.1.2.3.evil.test", False), ("fe80::1%eth0", False),
    ],
)  # fmt: skip
def test_a_key_with_networks_may_come_from_those_alone(peer: str, is_good: bool) -> None:
    limits = {"ips": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]}
    assert is_let_in(limits, peer=peer) is is_good


@pytest.mark.parametrize(
    ("after_s", "is_good"), [(0, True), (99, True), (100, False), (101, False)]
)
def test_a_key_ends_when_it_expires(after_s: float, is_good: bool) -> None:
    start = Keyed().clock.now()
    assert is_let_in({"expires_at": start + 100}, after_s=after_s) is is_good


@pytest.mark.parametrize(
    ("limits", "words", "named"),
    [
        ({"models": ["claude-haiku-*"]}, {"model": "claude-opus-4-1"}, "the model claude-opus-4-1"),
        ({"max_tokens": 5}, {}, "5 max_tokens at most, not 100"),
        ({"ips": ["10.0.0.0/8"]}, {}, "the address 127.0.0.1"),
        ({"paths": ["/v1/models"]}, {}, "/v1/messages, only /v1/models"),
        ({"expires_at": 1.0}, {}, "expired at 1970-01-01T00:00:01Z"),
    ],
)
def test_a_refusal_names_what_and_the_way_out(
    limits: dict[str, Any], words: dict[str, Any], named: str
) -> None:
    status, kind, message = enter(limits, "/v1/messages", MESSAGE | words)
    assert (status, kind) == (403, "permission_error")
    assert named in message
    assert "tanzaku keys change key_" in message


def test_no_refusal_repeats_a_key_or_a_flood() -> None:
    async def scene(it: Keyed) -> None:
        _, key = await it.ring.create({"models": ["claude-haiku-*"]})
        for target, model in (
            ("/v1/messages", key),
            ("/v1/messages", "x" * 100_000),
            ("/v1/messages", "a\x1b[31m\r\nb"),
            (f"/v1/{key}", "claude-haiku-4-5"),
        ):
            said = await it.enter(key, target, MESSAGE | {"model": model})
            assert isinstance(said, tuple)
            assert said[0] == 403
            assert key[8:40] not in said[2]
            assert len(said[2]) < 400
            assert said[2].isprintable()

    play(scene)
