"""A batch's body cut into parts: all of it, in order, and nothing that is not JSON."""

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tanzaku.simulator.batches._split import split_batch
from tanzaku.wire import ApiError, parse_body

# Space in front makes a body long enough to be cut, whatever it holds.
LONG = b" " * (256 * 1024)

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**9), 10**9),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.text(st.sampled_from('ab"\\{}[],: \n\t漢🀄é'), max_size=12),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.sampled_from('xy"\\{}'), max_size=4), inner, max_size=4),
    ),
    max_leaves=12,
)
BODIES = st.fixed_dictionaries(
    {"requests": st.lists(VALUES, max_size=6)},
    optional={"before": VALUES, "zulu": VALUES},
)


def dump(value: Any, space: int, order: int) -> bytes:
    members = list(value.items())
    random.Random(order).shuffle(members)
    separators = ("," + " \n\t\r"[:space], ":" + " \n"[:space])
    text = json.dumps(dict(members), ensure_ascii=order % 2 == 0, separators=separators)
    return text.encode()


def read_parts(body: bytes) -> dict[str, Any]:
    """The whole, put together again from parts that were read as strictly as any body."""
    whole: dict[str, Any] = {}
    for part in split_batch(body):
        parsed = parse_body(part)
        requests = parsed.pop("requests", None)
        if requests is not None and "requests" in whole:
            whole["requests"] += requests
        elif requests is not None:
            whole["requests"] = requests
        whole.update(parsed)
    return whole


@given(value=BODIES, space=st.integers(0, 4), order=st.integers(0, 9))
def test_the_parts_add_up_to_the_whole(value: dict[str, Any], space: int, order: int) -> None:
    body = dump(value, space, order)
    assert read_parts(LONG + body) == value
    assert read_parts(LONG + body + b" \n") == value
    assert read_parts(body) == value


@given(
    value=BODIES,
    order=st.integers(0, 9),
    at=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from([*list(b'"\\{}[],: x0'), None]),
)
@example(value={"requests": [{"a": "b"}]}, order=0, at=0.0, change=None)
def test_what_is_refused_whole_is_refused_in_parts_and_the_other_way_round(
    value: dict[str, Any], order: int, at: float, change: int | None
) -> None:
    body = bytearray(dump(value, 0, order))
    place = int(len(body) * at)
    if change is None:
        del body[place:]
    else:
        body[place] = change
    try:
        expected: dict[str, Any] | None = parse_body(bytes(body))
    except ApiError:
        expected = None
    if expected is None:
        with pytest.raises(ApiError) as refused:
            read_parts(LONG + bytes(body))
        assert refused.value.status == 400
        assert refused.value.message.startswith("The request body is not valid JSON: ")
    else:
        assert read_parts(LONG + bytes(body)) == expected


def test_a_part_has_at_most_256_requests_or_about_256_kilobytes() -> None:
    small = json.dumps({"requests": [{"n": n} for n in range(40_000)]}).encode()
    sizes = [len(json.loads(part)["requests"]) for part in split_batch(small)]
    assert sizes == [256] * (40_000 // 256) + [40_000 % 256]

    long = json.dumps({"requests": ["x" * 100_000] * 7 + ["y" * 400_000] + ["z"] * 3}).encode()
    parts = [json.loads(part)["requests"] for part in split_batch(long)]
    assert [[len(text) for text in part] for part in parts] == [
        [100_000] * 2,
        [100_000] * 2,
        [100_000] * 2,
        [100_000],
        [400_000],
        [1, 1, 1],
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'{"requests":[{"a":"' + b'\\"' * 300_000,
        b'{"requests":[' + b'{"a":' * 100_000,
        b'{"requests":[' + b'"' * 300_001,
        b"{" + b'"a' * 200_000,
        b"[" * 300_000,
    ],
    ids=["an open string of quotes", "open objects", "quotes", "open names", "open arrays"],
)
def test_what_never_ends_is_refused_in_one_pass(body: bytes) -> None:
    with pytest.raises(ApiError, match="not valid JSON"):
        read_parts(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"requests":[1],}',
        b'{"requests":[1,]}',
        b'{"requests":[1 2]}',
        b'{"requests":[,1]}',
        b'{"requests":[1]} x',
        b'{"requests":[1]}}',
        b'{"requests" [1]}',
        b'{"requests":[1] "x":2}',
        b"{requests:[1]}",
        b'{,"requests":[1]}',
        b'{"requests":[{]}]}',
        b'{"requests":[nul]}',
        b"[1]",
        b"",
    ],
)
def test_what_stands_between_requests_must_be_json_too(body: bytes) -> None:
    with pytest.raises(ApiError, match="not valid JSON"):
        read_parts(LONG + body)


def test_a_second_list_of_requests_is_a_repeated_key() -> None:
    with pytest.raises(ApiError, match="duplicate key `requests`"):
        read_parts(LONG + b'{"requests":[1],"requests":[2]}')
