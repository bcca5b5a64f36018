"""An organization with a few limits, and short ways to send to it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tanzaku.simulator.quota import Admission, Quota, Refusal, parse_limits

ORGANIZATION = "8d863577-e8f4-4b16-99cc-a6128a02233b"

type OpenQuota = Callable[[str | Mapping[str, Any]], Quota]


@pytest.fixture
def open_quota() -> OpenQuota:
    """A quota of the limits given as `--limits` or a file gives them."""
    return lambda limits: Quota(parse_limits(limits), ORGANIZATION)


def let_in(outcome: Admission | Refusal) -> Admission:
    assert isinstance(outcome, Admission), outcome
    return outcome


def refused(outcome: object) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    return outcome
