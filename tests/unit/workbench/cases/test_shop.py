"""Generated suites find what is broken in a service, and nothing in one that keeps its document."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.shopped import Found, check_shop, generate_shop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    generate_shop(root)
    return root


@pytest.fixture
def check(root: Path) -> Callable[..., Found]:
    return lambda *broken, **more: check_shop(root, broken, **more)


def test_nothing_is_found_in_a_service_that_keeps_to_its_document(
    check: Callable[..., Found],
) -> None:
    found = check()
    assert found.bad == {}
    assert found.passed > 1000


@pytest.mark.parametrize(
    ("fault", "suite"),
    [
        ("no_auth", "get-order"),
        ("wrong_key_passes", "get-order"),
        ("huge_number_crashes", "create-order"),
        ("bytes_counted", "create-order"),
        ("utf16_counted", "create-order"),
        ("unanchored", "create-order"),
        ("bool_as_number", "create-order"),
        ("number_as_text", "create-order"),
        ("unknown_kept", "create-order"),
        ("default_forgotten", "create-order"),
        ("note_lost", "create-order"),
        ("put_appends", "replace-order"),
        ("twins_accepted", "create-order"),
        ("zero_pair_crashes", "give-advice"),
        ("stream_as_json", "give-advice"),
        ("stream_unended", "give-advice"),
        ("status_200", "create-order"),
        ("location_missing", "create-order"),
        ("bad_error", "create-order"),
        ("html_error", "create-order"),
        ("null_refused", "change-order"),
        ("password_shown", "create-customer"),
        ("last_enum_refused", "change-order"),
        ("wrong_method_ok", "cancel-order"),
        ("deep_crashes", "create-order"),
        ("patch_resets", "0-orders-order-id-states"),
        ("deleted_stays", "0-orders-order-id-states"),
        ("deleted_listed", "0-orders-order-id-states"),
        ("filter_ignored", "0-orders-order-id-states"),
        ("page_repeats", "0-orders-order-id-states"),
        ("page_drops", "0-orders-order-id-states"),
        ("limit_ignored", "0-orders-order-id-states"),
        ("cancel_twice", "0-orders-order-id-states"),
        ("key_forgotten", "0-orders-order-id-states"),
        ("etag_ignored", "0-orders-order-id-states"),
        ("other_changed", "0-orders-order-id-states"),
        ("email_twice", "0-customers-id-states"),
    ],
)
def test_a_fault_is_found(check: Callable[..., Found], fault: str, suite: str) -> None:
    assert check(fault, suite=suite, bail=1).bad
