"""What is expected of a correct service is what its document says, and no more."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness.shop import DOCUMENT
from harness.shopped import generate_shop
from tanzaku.core.plain_yaml import read_yaml

JOBS = DOCUMENT.parent.parent / "jobs/jobs.yaml"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("jobs")
    generate_shop(root, JOBS)
    return root


def read_cases(root: Path, suite: str) -> dict[str, Any]:
    plain = read_yaml(root / f"suites/jobs/{suite}.suite.yaml").plain
    return {case["id"]: case for case in plain["cases"]}


def read_steps(root: Path, flow: str) -> dict[str, Any]:
    plain = read_yaml(root / f"flows/jobs/{flow}.flow.yaml").plain
    return {step["id"]: step for step in plain["steps"]}


def test_a_repeated_key_fits_its_pattern(root: Path) -> None:
    steps = read_steps(root, "jobs-job-id-key-repeated")
    key = steps["again"]["with"]["headers"]["idempotency-key"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)
    assert steps["make_job"]["with"]["headers"]["idempotency-key"] == key


def test_a_put_that_makes_is_not_expected_to_find(root: Path) -> None:
    case = read_cases(root, "put-note")["path-unknown-name"]
    assert all(line.get("status") != [404] for line in case["expect"])
    assert read_cases(root, "get-note")["path-unknown-name"]["expect"][0] == {"status": [404]}


def test_an_unknown_name_is_far_from_those_counted_up(root: Path) -> None:
    case = read_cases(root, "get-job")["path-unknown-job-id"]
    name = case["with"]["path_params"]["job_id"]
    assert re.fullmatch(r"job-[0-9]+", name)
    assert int(name[4:]) > 10**8


@pytest.mark.parametrize("suite", ["delete-job", "get-results", "cancel-job"])
def test_a_documented_conflict_is_no_failure_where_the_state_is_not_known(
    root: Path, suite: str
) -> None:
    (line,) = read_cases(root, suite)["plain"]["expect"]
    assert {"all": [{"status": 409}, {"documented": True}]} in line["any"]


def test_nothing_follows_of_a_deletion_that_was_refused(root: Path) -> None:
    steps = read_steps(root, "jobs-job-id-deleted-read")
    assert steps["after"]["when"] == "delete.status < 300"
