"""A request body is one JSON object, or the API's 400."""

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tanzaku.core import canonical_json
from tanzaku.wire import ApiError, parse_body

type Json = dict[str, Any]


def nest(depth: int) -> bytes:
    """An object `depth` levels deep."""
    return b'{"a":' * depth + b"1" + b"}" * depth


@given(data=st.data(), is_ascii=st.booleans(), indent=st.none() | st.integers(0, 2))
def test_any_object_is_read_as_other_parsers_read_it(
    data: st.DataObject, objects: SearchStrategy[Json], is_ascii: bool, indent: int | None
) -> None:
    value = data.draw(objects)
    body = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode()
    assert canonical_json(parse_body(body)) == canonical_json(value)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' {"a" : 1}\r\n',
        '{"a":"短冊 😀"}'.encode(),
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":"say \\"b\\": c","b":"{\\"a\\":1,\\"a\\":2}"}',
        b'{"a\\\\":1,"a":"x:\\\\"}',
        b'{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}',
        b'{"a":1,"A":2}',
        b'{"a":":","b":" : ","c":"\\\\","d":"\\\\\\":"}',
        b'{"a":12345678901234567890123,"b":1e308,"c":-0.0}',
        nest(64),
    ],
)
def test_a_good_body_is_read_whole(body: bytes) -> None:
    assert repr(parse_body(body)) == repr(json.loads(body))


@pytest.mark.requirement("L1")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"hello", "expected value at line 1 column 1"),
        (b'{"a":1', "EOF while parsing an object"),
        (b'{"a":1}}', "trailing characters"),
        (b"{'a':1}", "key must be a string"),
        (b'{"a":1,}', "trailing comma"),
        (b'\xef\xbb\xbf{"a":1}', "expected value"),
        (b'{"a":NaN}', "expected value"),
        (b'{"a":-Infinity}', "invalid number"),
        (b'{"a":[[{"b":1e999}]]}', "number out of range"),
        (b'{"a":-1e999}', "number out of range"),
        (b'{"a":"\\ud800"}', "hex escape"),
        (b'{"a":"\\udc00x"}', "hex escape"),
        (b'{"a":"\xed\xa0\x80"}', "invalid unicode"),
        (b'{"a":"\xff"}', "invalid unicode"),
        (b'{"a":"\n"}', "control character"),
        (b"[]", "expected an object, not an array"),
        (b'"a"', "expected an object, not a string"),
        (b"1.5", "expected an object, not a number"),
        (b"true", "expected an object, not a boolean"),
        (b"null", "expected an object, not null"),
        (nest(65), "nested deeper than 64 levels"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "nested deeper than 64 levels"),
        (b'{"a":' + b"[" * 100_000, "recursion limit exceeded"),
        (b'{"model":"a","model":"b"}', "duplicate key `model`"),
        (b'{"model":"a","model" \n:"b"}', "duplicate key `model`"),
        (b'{"model":"a","mod\\u0065l":"b"}', "duplicate key `model`"),
        (b'{"model":"a","x\\\\":1,"model":"b"}', "duplicate key `model`"),
        (b'{"model":"a","t":"\\":","model":"b"}', "duplicate key `model`"),
        (b'{"a\\\\":1,"t":"\\\\\\":","a\\\\":2}', "duplicate key `a\\`"),
        (b'{"a":[{"b":{"c":1,"c":1}}]}', "duplicate key `c`"),
    ],
)
def test_a_bad_body_is_refused_with_400_and_its_reason(body: bytes, why: str) -> None:
    message = f"The request body is not valid JSON: .*{re.escape(why)}"
    with pytest.raises(ApiError, match=message) as refusal:
        parse_body(body)
    assert (refusal.value.status, refusal.value.error_type) == (400, "invalid_request_error")


@pytest.mark.requirement("L1")
@given(data=st.data(), value=st.text(), space=st.sampled_from(["", " ", "\n\t"]))
def test_a_repeated_key_is_found_whatever_stands_around_it(
    data: st.DataObject, objects: SearchStrategy[Json], value: str, space: str
) -> None:
    items = data.draw(objects)
    items["twice"] = value
    repeated = f'{{"twice"{space}:{space}1,' + json.dumps(items)[1:]
    with pytest.raises(ApiError, match="duplicate key `twice`"):
        parse_body(repeated.encode())


def read_plainly(body: bytes) -> object:
    """What Python's own parser makes of `body`; None when it refuses."""
    try:
        return json.loads(body)
    except ValueError:
        return None


@given(body=st.binary(max_size=60) | st.text(alphabet='{}[]":,\\aeu0d8-+.\n 19').map(str.encode))
@example(body=b'{"a":9e9}')
def test_what_another_parser_refuses_is_refused(body: bytes) -> None:
    expected = read_plainly(body)
    with contextlib.suppress(ApiError):
        assert parse_body(body) == expected
