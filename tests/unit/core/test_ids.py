"""Ids follow from their parts alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import derive_id

parts = st.lists(st.one_of(st.binary(), st.integers(min_value=0)), max_size=4)


@given(parts=parts)
def test_an_id_has_the_form_of_the_apis_ids(parts: list[bytes | int]) -> None:
    assert re.fullmatch(r"msg_01[1-9A-HJ-NP-Za-km-z]{22}", derive_id("msg", *parts))


@given(parts=parts)
def test_the_same_parts_give_the_same_id(parts: list[bytes | int]) -> None:
    assert derive_id("req", *parts) == derive_id("req", *parts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((b"ab", b"c"), (b"a", b"bc")),
        ((b"a", b"b"), (b"b", b"a")),
        ((1, 23), (12, 3)),
        ((), (b"",)),
    ],
)
def test_borders_and_order_of_parts_count(
    one: tuple[bytes | int, ...], other: tuple[bytes | int, ...]
) -> None:
    assert derive_id("msg", *one) != derive_id("msg", *other)
