"""No credential stays in a JSON value, however it is spelled; nothing else is touched."""

import base64
import copy
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.transport import redact_json, redact_text

KEY = "sk-ant-api03-c4n4ryC4N4RYc4n4ry"
OWN_KEY = "sk-tzk-c4n4ryC4N4RYc4n4ry"
SPELLINGS = [
    KEY,
    OWN_KEY,
    *(base64.b64encode(lead + OWN_KEY.encode()).decode() for lead in (b"", b"x", b"xx")),
    "".join(f"%{char:02X}" for char in OWN_KEY.encode()),
    OWN_KEY.replace("z", "%7a", 1),
    f"tanzaku-admin-token: {KEY[7:]}",
    base64.b64encode(KEY.encode()).decode(),
    base64.b64encode(b"x" + KEY.encode()).decode(),
    base64.b64encode(b"xx" + KEY.encode()).decode(),
    "".join(f"%{char:02X}" for char in KEY.encode()),
    quote(KEY),
    f"Bearer {KEY[7:]}",
    f"https://user:{KEY[7:]}@proxy.example/",
    f"x-api-key: {KEY[7:]}",
    f"AUTHORIZATION = 'Basic {KEY[7:]}'",
    f"-----BEGIN PRIVATE KEY-----\n{KEY[7:]}\n-----END PRIVATE KEY-----",
    f"AKIA{KEY[-16:].upper().replace('-', 'A')}",
    f"eyJhbGciOiJI.eyJ{KEY[-8:]}.{KEY[-8:]}",
]
FRAGMENTS = st.lists(
    st.sampled_from(
        [*SPELLINGS, "[redacted]", "authorization", ": ", "api_key", "=", "]", " ", "'", "\n"]
    )
    | st.text(max_size=5),
    max_size=6,
).map("".join)
VALUES = st.recursive(
    FRAGMENTS | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            FRAGMENTS | st.sampled_from(["api_key", "authorization"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("at", range(len(SPELLINGS)))
def test_a_credential_is_masked_wherever_it_stands(at: int) -> None:
    text = SPELLINGS[at]
    value = {"a": [{"b": f"see {text} there"}], f"name {text}": 1}
    masked = repr(redact_json(value))
    assert text not in masked
    assert masked.count("[redacted]") >= 2


@pytest.mark.parametrize(
    "name", ["api_key", "API-Key", "x-api-key", "Authorization", "aws_secret_access_key"]
)
def test_a_field_named_like_a_credential_is_masked_whole(name: str) -> None:
    value = {"input": {name: "horse battery staple", "city": "Kyoto"}}
    assert redact_json(value) == {"input": {name: "[redacted]", "city": "Kyoto"}}


def test_a_schema_that_only_speaks_of_a_credential_stays() -> None:
    schema = {"properties": {"api_key": {"type": "string"}}, "required": ["api_key"], "api_key": ""}
    assert redact_json(schema) is schema


@given(value=VALUES)
def test_what_is_masked_stays_as_it_is(value: Any) -> None:
    """A conversation that echoes what was masked must be found again by it."""
    once = redact_json(copy.deepcopy(value))
    assert redact_json(once) == once


@given(text=FRAGMENTS)
def test_nothing_is_left_that_redact_text_would_find(text: str) -> None:
    pieces = redact_json(text).split("[redacted]")
    assert [redact_text(piece) for piece in pieces] == pieces


@given(value=VALUES)
def test_the_value_itself_is_not_changed(value: Any) -> None:
    before = copy.deepcopy(value)
    redact_json(value)
    assert value == before
