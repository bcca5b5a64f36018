"""`tanzaku faults` from outside."""

import json
import re
from collections.abc import Callable

import anthropic
import pytest

from harness.command_line import CommandLine
from harness.faulty import QUESTION, Faulty, open_faulty
from tanzaku.simulator.faults import KINDS, Fault


def run_sdk(faulty: Faulty) -> None:
    faulty.plan(Fault("overloaded", times=1, name="busy"))
    with faulty.client(max_retries=2) as client:
        client.messages.create(**QUESTION)


def send_a_cut_stream_twice(faulty: Faulty) -> None:
    faulty.plan(Fault("error-event", times=1))
    with faulty.client() as client:
        with pytest.raises(anthropic.APIStatusError), client.messages.stream(**QUESTION) as stream:
            stream.get_final_message()
        client.messages.create(**QUESTION, stream=True).close()


def record(tanzaku: CommandLine, client: Callable[[Faulty], None]) -> str:
    path = tanzaku.data / "faults.db"
    with open_faulty(path) as faulty:
        client(faulty)
    return str(path)


def test_a_good_client_passes(tanzaku: CommandLine) -> None:
    ledger = record(tanzaku, run_sdk)
    text = tanzaku.run("faults", "report", "--ledger", ledger)
    (row,) = [line.split() for line in text.splitlines() if line.strip().startswith("busy")]
    assert row[:5] == ["busy", "pass", "1", "1", "1"]
    (verdict,) = json.loads(tanzaku.run("faults", "report", "--ledger", ledger, "--json"))
    assert (verdict["fault"], verdict["passed"], verdict["recovered"]) == ("busy", True, 1)


def test_a_client_that_does_wrong_ends_the_report_with_1(tanzaku: CommandLine) -> None:
    ledger = record(tanzaku, send_a_cut_stream_twice)
    text = tanzaku.run("faults", "report", "--ledger", ledger, exit_code=1)
    assert "error-event: one call was billed 2 times" in text
    chinese = tanzaku.run("--lang", "zh", "faults", "report", "--ledger", ledger, exit_code=1)
    assert "error-event: 同一次调用被计费 2 次" in chinese
    (verdict,) = json.loads(
        tanzaku.run("faults", "report", "--ledger", ledger, "--json", exit_code=1)
    )
    assert [failure["code"] for failure in verdict["failures"]] == ["double_billed"]


def test_a_bound_of_its_own_for_hanging(tanzaku: CommandLine) -> None:
    ledger = record(tanzaku, run_sdk)
    text = tanzaku.run("faults", "report", "--ledger", ledger, "--hang", "0.000001", exit_code=1)
    assert re.search(r"busy: waited \d\.\d s on an answer that did not go on", text)


def test_a_ledger_without_faults_is_bad_input(tanzaku: CommandLine) -> None:
    def ask(faulty: Faulty) -> None:
        assert faulty.talk()[1] == "end"

    ledger = record(tanzaku, ask)
    text = tanzaku.run("faults", "report", "--ledger", ledger, exit_code=2)
    assert "No exchange in the ledger met a fault." in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_is_listed_with_its_settings(tanzaku: CommandLine, language: str) -> None:
    text = tanzaku.run("--lang", language, "faults", "list")
    rows = {words[0]: line for line in text.splitlines() if (words := line.split())}
    for name, kind in KINDS.items():
        assert all(setting in rows[name] for setting in kind.parameters)


def test_the_kinds_are_listed_as_json(tanzaku: CommandLine) -> None:
    listed = {kind["name"]: kind for kind in json.loads(tanzaku.run("faults", "list", "--json"))}
    assert list(listed) == list(KINDS)
    assert listed["rate-limit"]["settings"]["retry_after"] == 1
    assert listed["rate-limit"]["status"] == 429
    assert (listed["stall"]["status"], listed["stall"]["settings"]["seconds"]) == (None, 30)
