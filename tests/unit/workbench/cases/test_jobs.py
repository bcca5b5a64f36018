"""Generated suites find what is broken in a service of jobs and notes, and nothing in a right one."""

import asyncio
from pathlib import Path

import pytest

from harness.jobs import DOCUMENT, Jobs
from harness.shopped import BEARER, Found, check_service, generate_shop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("jobs")
    generate_shop(root, DOCUMENT, BEARER)
    return root


def check(root: Path, *broken: str, suite: str = "*") -> Found:
    jobs = Jobs(frozenset(broken))
    return asyncio.run(check_service(root, jobs, suite, environment=BEARER))


def test_nothing_is_found_in_a_service_that_keeps_to_its_document(root: Path) -> None:
    found = check(root)
    assert found.bad == {}
    assert found.passed > 350


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        ("any_bearer", "get-job#access-wrong"),
        ("slash_split", "0-notes-name-states#state-put-read-3"),
        ("limit_zero", "list-jobs#number-below-min-limit"),
        ("last_kind", "0-jobs-job-id-states#state-filtered-several"),
        ("big_hidden", "0-jobs-job-id-states#state-listed-each"),
        ("deleted_stays", "0-jobs-job-id-states#state-read-deleted-read"),
        ("canceled_runs", "0-jobs-job-id-states#state-acted-stays"),
        ("cancel_twice", "0-jobs-job-id-states#state-acted-conflict"),
        ("json_only", "get-results#accept-documented-text-csv"),
        ("any_kind", "put-note#content-type-xml"),
        ("any_size", "put-note#body-too-large"),
        ("put_appends", "0-notes-name-states#state-put-twice"),
        ("starts_twice", "stream-parts#plain"),
        ("tag_restless", "0-jobs-job-id-states#state-same-tag"),
        ("ascii_names", "0-notes-name-states#state-put-read-2"),
    ],
)
def test_a_fault_is_found(root: Path, fault: str, case: str) -> None:
    suite = case.partition("#")[0]
    assert f"jobs/{case}" in check(root, fault, suite=suite).bad
