"""The planted services keep their documents where they are correct, and break them where they are not."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from benchmarks.planted.catalogue import BUGS, SERVICES, Bug
from harness.probes import JOB, PROBES
from harness.witnessed import Witness

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_a_planted_bug_breaks_what_the_correct_service_keeps(bug: Bug) -> None:
    correct, faulty = Witness(bug.service), Witness(bug.service, bug.id)
    assert PROBES[bug.id](correct), "the probe itself is wrong"
    assert correct.breaches == []
    holds = PROBES[bug.id](faulty)
    assert not holds or faulty.breaches != []


def test_each_bug_has_a_name_a_service_and_a_probe_of_its_own() -> None:
    ids = [bug.id for bug in BUGS]
    assert sorted(PROBES) == sorted(ids) == sorted(set(ids))
    counts = Counter(bug.service for bug in BUGS)
    assert set(counts) == set(SERVICES)
    assert sum(count >= 8 for count in counts.values()) >= 4
    assert len({bug.kind for bug in BUGS}) >= 12


def test_a_faulty_service_is_served_by_hand_on_this_machine_alone() -> None:
    words = [sys.executable, "-m", "benchmarks.planted", "jobs", "jobs-create-201", "--port", "0"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = re.fullmatch(
                r"(http://127\.0\.0\.1:\d+) \{'Token': '(.+)'\}\n", process.stdout.readline()
            )
            assert said is not None
            headers = {"authorization": f"Bearer {said[2]}", "content-type": "application/json"}
            asked = Request(f"{said[1]}/jobs", json.dumps(JOB).encode(), headers)
            with urlopen(asked, timeout=60) as answer:
                assert (answer.status, json.load(answer)["name"]) == (201, JOB["name"])
        finally:
            process.terminate()
