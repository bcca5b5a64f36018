"""What is refused for its length, and a batch for its envelope."""

from typing import Any

import pytest

from tanzaku.catalog import get_model
from tanzaku.wire import check_prompt_length, validate_batch_create

H45, H55 = "claude-haiku-4-5", "claude-haiku-5-5"
EXTRA = "Extra inputs are not permitted"


@pytest.mark.parametrize(
    ("model", "input_tokens", "max_tokens", "expected"),
    [
        (H45, 208_310, 10, "prompt is too long: 208310 tokens > 200000 maximum"),
        (H55, 1_000_001, 0, "prompt is too long: 1000001 tokens > 1000000 maximum"),
        (
            "claude-opus-4-1",
            178_959,
            64_000,
            "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease "
            "input length or `max_tokens` and try again",
        ),
    ],
)
def test_a_prompt_that_does_not_fit_is_refused(
    model: str, input_tokens: int, max_tokens: int, expected: str
) -> None:
    violation = check_prompt_length(input_tokens, max_tokens, get_model(model))
    assert (str(violation), violation and violation.status) == (expected, 400)


@pytest.mark.parametrize(
    ("model", "input_tokens"), [(H45, 200_000), (H45, 178_959), (H55, 999_999)]
)
def test_from_4_5_on_only_the_prompt_itself_has_to_fit(model: str, input_tokens: int) -> None:
    assert check_prompt_length(input_tokens, 64_000, get_model(model)) is None


ITEM = {"custom_id": "a", "params": {"anything": "goes here"}}


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], "requests: List should have at least 1 item after validation, not 0"),
        ([ITEM] * 100_001, "requests: List should have at most 100000 items after validation, not "
         "100001"),
        ([{**ITEM, "custom_id": "a b"}],
         "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"),
        ([{**ITEM, "custom_id": "a" * 65}],
         "requests.0.custom_id: String should have at most 64 characters"),
        ([{"custom_id": "a"}], "requests.0.params: Field required"),
        ([{**ITEM, "x": 1}], f"requests.0.x: {EXTRA}"),
        ([ITEM, ITEM],
         "requests: custom_id's must be unique within a batch. Duplicate custom_id found: a"),
    ],
)  # fmt: skip
def test_a_batch_is_refused_for_its_envelope(requests: list[Any], expected: str) -> None:
    first, *_ = validate_batch_create({"requests": requests})
    assert str(first) == expected
    assert not first.is_guess


def test_what_is_wrong_inside_a_batch_does_not_stop_its_creation() -> None:
    other = {"custom_id": "b", "params": {"max_tokens": -1}}
    assert validate_batch_create({"requests": [ITEM, other]}) == []
