"""The order of the long tests."""

import pytest

SOAK = "test_minutes_of_work_leave_memory_flat_and_the_loop_free"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest comes first, so that the second worker has all the others meanwhile."""
    items.sort(key=lambda item: item.name != SOAK)
