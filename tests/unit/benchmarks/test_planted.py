"""The planted services keep their documents where they are correct, and break them where they are not."""

from collections import Counter

import pytest

from benchmarks.planted.catalogue import BUGS, SERVICES, Bug
from harness.probes import PROBES
from harness.witnessed import Witness


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
