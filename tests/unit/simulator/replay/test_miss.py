"""A miss says which recording was nearest and where it departs."""

import json
import logging
from typing import Any

import pytest

from tanzaku.wire import parse_error_body


def read_miss(kit: Any, recorded: list[Any], asked: Any, mode: str = "strict") -> str:
    exchanges = [kit.record(body, kit.message("x")) for body in recorded]
    answer = kit.Player(exchanges, mode).send(asked)
    error = parse_error_body(answer.body, answer.status)
    assert (error.status, error.error_type) == (404, "not_found_error")
    return str(error)


@pytest.mark.fidelity(
    "replay",
    "a miss is a 404 not_found_error that names the nearest recording and where it departs",
    "exact",
    "docs/recordings.md",
)
def test_the_nearest_is_the_one_that_agrees_for_longest(
    kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = [
        kit.ask("Hi", "Hello", "Where is parcel 7?"),
        kit.ask("Hi", "Hello", "Where is parcel 8?", "On its way", "When will it come?"),
        kit.ask("Bye"),
    ]
    asked = kit.ask("Hi", "Hello", "Where is parcel 8?", "On its way", "Who has it?")
    with caplog.at_level(logging.WARNING):
        text = read_miss(kit, recorded, asked)
    assert "Nearest is line 3" in text
    assert 'messages[4].content[0].text: recorded "When will it come?", asked "Who has it?"' in text
    assert caplog.messages == [text]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"model": "claude-haiku-5-5"},
            'model: recorded "claude-haiku-4-5", asked "claude-haiku-5-5"',
        ),
        ({"system": "Be kind."}, 'system[0].text: recorded "Be brief.", asked "Be kind."'),
        (
            {"system": None},
            'system[0]: recorded {"type": "text", "text": "Be brief."}, asked nothing',
        ),
        ({"tools": [{"name": "t"}]}, 'tools[0]: recorded nothing, asked {"name": "t"}'),
        ({"messages": []}, "asked nothing"),
        ({"messages": 5}, "asked 5"),
    ],
)
def test_each_kind_of_departure_is_shown(kit: Any, change: Any, expected: str) -> None:
    recorded = kit.ask("Hi", system="Be brief.")
    assert expected in read_miss(kit, [recorded], recorded | change)


def test_a_number_of_another_kind_is_shown(kit: Any) -> None:
    def ask(value: Any) -> Any:
        return kit.ask("Hi", {"role": "assistant", "content": [kit.call("a", n=value)]}, "Ok")

    assert "input.n: recorded 1, asked true" in read_miss(kit, [ask(1)], ask(True))


def test_long_values_are_cut_around_the_place_where_they_part(kit: Any) -> None:
    start, end = "same " * 1000, " and on" * 1000
    text = read_miss(kit, [kit.ask(f"{start}ONE{end}")], kit.ask(f"{start}TWO{end}"))
    assert "ONE" in text
    assert "TWO" in text
    assert len(text) < 500


def test_few_of_many_departures_are_shown(kit: Any) -> None:
    recorded = kit.ask(*[f"turn {at}" for at in range(21)])
    text = read_miss(kit, [recorded], kit.ask(*[f"other {at}" for at in range(21)]))
    assert text.count(": recorded ") == 3
    assert "18 more places" in text


def test_ids_are_no_departure(kit: Any) -> None:
    def ask(call_id: str, said: str) -> Any:
        used = {"role": "assistant", "content": [kit.call(call_id)]}
        return kit.ask("Hi", used, {"role": "user", "content": [kit.result(call_id, said)]})

    text = read_miss(kit, [ask("toolu_a", "one")], ask("toolu_b", "two"))
    assert 'messages[2].content[0].content[0].text: recorded "one", asked "two".' in text
    assert "toolu" not in text


def test_a_credential_is_not_shown(kit: Any) -> None:
    key = "sk-ant-api03-c4n4ryC4N4RY"
    text = read_miss(kit, [kit.ask("My key is mine.")], kit.ask(f"My key is {key}."))
    assert "c4n4ry" not in text
    assert "[redacted]" in text


def test_one_that_was_played_is_said_to_be(kit: Any) -> None:
    question = kit.ask("Hi")
    player = kit.Player([kit.record(question, kit.message("x"))] * 2, "strict")
    player.lines(question, question)
    assert "every recording of this request in talk.jsonl has been played (line 2, 3)" in str(
        parse_error_body(player.send(question).body)
    )


def test_one_that_was_cut_is_said_to_be(kit: Any) -> None:
    question = kit.ask("Hi")
    player = kit.Player([kit.record(question, kit.message("x"), cut="client")])
    text = str(parse_error_body(player.send(question).body))
    assert "line 2, the same request, but its answer was cut off by the client" in text


def test_nothing_of_the_kind_is_said_to_be_missing(kit: Any) -> None:
    player = kit.Player([kit.record(None, {"data": []}, target="/v1/models")])
    text = str(parse_error_body(player.send(kit.ask("Hi")).body))
    assert "talk.jsonl holds no recording of POST /v1/messages." in text


@pytest.mark.fidelity(
    "replay",
    "a continued thread that was not recorded gets the code on which the SDK sends it whole",
    "exact",
    "SDK 2.12.0 lib/threads",
)
def test_a_continued_thread_is_asked_for_whole(kit: Any) -> None:
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    answer = kit.Player([kit.record(kit.ask("Hi"), kit.message("x"))]).send(
        kit.ask("Hi", thread=thread)
    )
    error = parse_error_body(answer.body, answer.status)
    assert (error.status, error.error_code) == (404, "thread_not_found")
    assert json.loads(answer.body)["request_id"].startswith("req_01")


def test_equal_misses_have_ids_of_their_own(kit: Any) -> None:
    player = kit.Player([])
    ids = {json.loads(player.send(kit.ask("Hi")).body)["request_id"] for _ in range(3)}
    assert len(ids) == 3
