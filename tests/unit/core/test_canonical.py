"""Equal values give equal bytes, and the bytes read back as the value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import canonical_json

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=6)


@given(items=st.dictionaries(st.text(), scalars, max_size=5), data=st.data())
def test_the_order_of_keys_does_not_count(items: dict[str, object], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(items.items()))))
    assert canonical_json(shuffled) == canonical_json(items)


@given(value=values)
def test_any_json_parser_reads_the_value_back(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": [number]})


def test_numbers_of_different_type_stay_different() -> None:
    assert canonical_json([1, 1.0, True]) == b"[1,1.0,true]"
