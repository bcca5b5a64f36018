"""`results_url` names this gateway, and nothing else of an answer changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway.batching import find_own_origin, rewrite_results_url
from tanzaku.transport import HttpRequest

OWN = "http://gate.test:4141"
THEIRS = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"
OURS = f"{OWN}/v1/messages/batches/msgbatch_1/results"


@pytest.mark.parametrize(
    "body",
    [
        '{"id":"msgbatch_1","type":"message_batch","results_url":"%s"}',
        '{\n  "results_url" : "%s",\n  "x": {"results_url":"keep"},"id":"msgbatch_1" }\n',
        '{"data":[{"id":"msgbatch_0","results_url":null},{"results_url":"%s","id":"msgbatch_1"}],'
        '"has_more":false}',
        '{"id":"msgbatch_1","note":"\\u77ed短 1.50e3","n":1.50e3,"results_url":"%s"}',
    ],
)
def test_only_the_url_changes(body: str) -> None:
    rewritten = rewrite_results_url((body % THEIRS).encode(), OWN)
    assert rewritten == (body % OURS).encode()


@pytest.mark.parametrize(
    "theirs",
    ["/v1/messages/batches/msgbatch_1/results", "https:\\/\\/relay.cn\\/claude\\/v1\\/x", ""],
)
def test_whatever_the_upstream_says_the_path_is_the_apis(theirs: str) -> None:
    body = f'{{"id":"msgbatch_1","results_url":"{theirs}"}}'.encode()
    assert rewrite_results_url(body, OWN) == body.replace(
        theirs.encode() + b'"}', OURS.encode() + b'"}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff{}",
        b'{"id":"msgbatch_1"}',
        b'{"results_url":"https://x/"}',
        b'{"id":"msgbatch_1","results_url":null}',
        b'{"id":"msgbatch_1","results_url":"https://x/"',
        b'{"data":"results_url"}',
        b'{"data":[{"id":"a"},',
        b"[" * 100_000,
    ],
)
def test_what_is_no_batch_stays_as_it_is(body: bytes) -> None:
    assert rewrite_results_url(body, OWN) == body


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), JSON), st.booleans(), st.sampled_from([None, 1]))
def test_a_reader_sees_the_same_but_for_the_url(
    more: dict[str, Any], is_ascii: bool, indent: int | None
) -> None:
    batch = more | {"id": "msgbatch_1", "results_url": THEIRS}
    batch.pop("data", None)
    body = json.dumps(batch, ensure_ascii=is_ascii, indent=indent).encode()
    rewritten = rewrite_results_url(body, OWN)
    assert json.loads(rewritten) == batch | {"results_url": OURS}
    assert len(rewritten) == len(body) - len(THEIRS) + len(OURS)


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    body = rewrite_results_url(b'{"id":"../..?\\"x","results_url":"https://x/"}', OWN)
    url = json.loads(body)["results_url"]
    assert url == f"{OWN}/v1/messages/batches/..%2F..%3F%22x/results"


def test_the_origin_is_the_configured_one_or_that_of_the_host_header() -> None:
    request = HttpRequest("GET", "/", [(b"host", b"127.0.0.1:4141")], b"")
    assert find_own_origin(request) == "http://127.0.0.1:4141"
    assert find_own_origin(request, "https://claude.example") == "https://claude.example"
    assert find_own_origin(HttpRequest("GET", "/", [], b"")) == ""
